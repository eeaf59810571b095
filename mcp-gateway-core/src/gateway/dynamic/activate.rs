//! `mcp-activate-profile`: the servers of another profile, each added by a call of its own before anything is decided.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};

use super::add;
use super::answer::{self, one_line};
use super::arguments::{self, Named};
use super::gathered::Gathered;
use super::schema::{list_of, named_profile, output};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::{Hub, MOST_ADDED};
use crate::model::{CallContext, ProfileName, ServerName};
use crate::profile::ProfileSpec;
use crate::protocol::{GATEWAY, RawJson, Request, RequestKind, Response, ServerChange, Target};

pub(crate) const NAME: &str = "mcp-activate-profile";

pub(super) fn definition() -> Value {
    json!({
        "title": "Activate a profile",
        "description": "Adds every server of another profile for this session, as that profile has it, each as by `mcp-add`: a \
            person may have to approve some of them. Rules, approvals and secrets stay those of this session. `mcp-list` \
            shows the profiles that there are.",
        "inputSchema": {
            "properties": {"profile": named_profile("The profile, by its name in the answer of `mcp-list`")},
            "required": ["profile"],
        },
        "outputSchema": output(json!({
            "profile": {"type": "string"},
            "servers": list_of(json!({
                "server": {"type": "string"},
                "status": {"type": "string", "enum": ["added", "already_added", "failed"]},
                "tools": list_of(json!({
                    "tool": {"type": "string", "description": "Its name for `mcp-exec`: `server.tool`"},
                    "description": {"type": "string"},
                })),
                "heldBack": {"type": "string"},
                "missingConfig": {"type": "object"},
                "error": {"type": "object"},
            })),
        })),
        "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true},
    })
}

/// A profile whose servers are to be added, each by a call.
#[derive(Debug)]
pub(crate) struct Activation {
    profile: ProfileName,
    pub(crate) calls: Vec<Request>,
    servers: Vec<ServerName>,
}

impl Hub {
    /// Makes of a call of `mcp-activate-profile` the calls that it stands for; nothing of any other. One that can come to
    /// nothing stays what it is, and is answered with what is wrong.
    pub(crate) async fn unwrap_activation(&self, ctx: &CallContext, request: &Request) -> Option<Activation> {
        if self.dynamic.is_none() || request.kind != RequestKind::CallTool {
            return None;
        }
        // Every call comes by here: what cannot be this one is not looked up.
        let name = request.subject().filter(|name| name.ends_with(NAME))?;
        let target = self.view_of(ctx.session.as_ref()).await.find(RequestKind::CallTool, &name)?;
        if !target.is_own() || target.name != NAME {
            return None;
        }
        let spec = self.profile_to_activate(ctx, request.arguments()?).await.ok()?;
        self.activation(ctx, request, &spec).await.ok()
    }

    async fn activation(&self, ctx: &CallContext, request: &Request, spec: &ProfileSpec) -> Result<Activation> {
        let (mut calls, step) = (Vec::new(), Arc::new(AtomicU64::new(1)));
        for server in spec.servers.keys() {
            let mut call = request.clone();
            call.params.set_text("name", &format!("{GATEWAY}.{}", add::NAME));
            let arguments = json!({"server": server, "from": spec.name});
            call.params.set("arguments", RawJson::from_value(&arguments)?);
            call.link = request.link.as_ref().map(|link| Gathered::link(link, server, &step));
            call.target = Some(Target::new(ServerName::new(GATEWAY)?, add::NAME));
            call.described = self.describe_change(ctx, ServerChange::Add, &call).await;
            calls.push(call);
        }
        Ok(Activation { profile: spec.name.clone(), calls, servers: spec.servers.keys().cloned().collect() })
    }

    async fn profile_to_activate(&self, ctx: &CallContext, arguments: &RawJson) -> Result<ProfileSpec> {
        let named: Named = arguments::read(NAME, arguments)?;
        if named.description.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{NAME}` takes no `description`")));
        }
        self.session_of(ctx)?;
        let spec = self.seen_profile(&named.profile).await?;
        let count = spec.servers.len();
        if count == 0 || count > MOST_ADDED {
            let why = format!("profile `{}` has {count} servers; a session can add 1 to {MOST_ADDED}", named.profile);
            return Err(Error::new(ErrorKind::InvalidInput, why)
                .with_hint(format!("add those that are needed by `mcp-add`, with `from: {}`", named.profile)));
        }
        Ok(spec)
    }

    /// Why a call of `mcp-activate-profile` has come to nothing.
    pub(super) async fn why_not_activated(&self, ctx: &CallContext, arguments: &RawJson) -> Error {
        match self.profile_to_activate(ctx, arguments).await {
            Err(error) => error,
            Ok(_) => Error::new(ErrorKind::Conflict, "the profile has changed meanwhile").with_hint("call again"),
        }
    }
}

impl Activation {
    /// What has come of the calls, in their order.
    ///
    /// # Errors
    /// That of a call which nobody waits for any more, and `Internal` for what has no JSON form.
    pub(crate) fn told(self, outcomes: Vec<Result<Response>>) -> Result<Response> {
        let (mut servers, mut failures) = (Vec::new(), 0);
        for (server, outcome) in self.servers.iter().zip(outcomes) {
            let result = match outcome {
                Ok(response) => match response.result {
                    Ok(result) => result,
                    Err(error) => answer::failed(&Error::new(ErrorKind::Protocol, error.message), Value::Null)?,
                },
                Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed) => return Err(error),
                Err(error) => answer::failed(&error, Value::Null)?,
            };
            let one = shown(server, &result.read()?);
            failures += usize::from(one["status"] == "failed");
            servers.push(one);
        }
        let next = if failures == 0 {
            "call the tools with `mcp-exec`; `mcp-find` with `detail: schema` gives what they take".to_owned()
        } else {
            format!(
                "{failures} of {} servers are not there: see `error` of each; `{NAME}` again tries them anew",
                servers.len()
            )
        };
        let value = json!({"profile": self.profile, "servers": servers, "next": next});
        answer::partly(&value, failures > 0).map(Response::new)
    }
}

/// One server, as short as can be: its tools have their schemas where they are looked for.
fn shown(server: &ServerName, answer: &Value) -> Value {
    let said = &answer["structuredContent"];
    let is_failed = answer["isError"] == true;
    let mut shown = json!({"server": server, "status": if is_failed { &Value::Null } else { &said["status"] }});
    if is_failed {
        shown["status"] = "failed".into();
        let text = || json!({"message": answer["content"][0]["text"]});
        shown["error"] = said.get("error").cloned().unwrap_or_else(text);
    }
    let tools = said["tools"].as_array().into_iter().flatten().map(|tool| {
        let description = tool["description"].as_str().map(one_line);
        json!({"tool": tool["tool"], "description": description.unwrap_or_default()})
    });
    if !is_failed {
        shown["tools"] = tools.collect();
    }
    for member in ["heldBack", "missingConfig"] {
        if let Some(told) = said.get(member) {
            shown[member] = told.clone();
        }
    }
    shown
}
