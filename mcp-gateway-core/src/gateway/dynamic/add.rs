//! `mcp-add`: a server more, once whoever has to has agreed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer;
use super::arguments::Wanted;
use super::candidate::Candidate;
use super::progress;
use super::schema::{output, profile, server, tools};
use super::tried::Tried;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::{Editor, Hub, Slot};
use crate::gateway::layers::Call;
use crate::model::CallContext;
use crate::protocol::{RawJson, Request, ServerChange};

pub(super) const NAME: &str = ServerChange::Add.tool();

pub(super) fn definition() -> Value {
    json!({
        "title": "Add a server",
        "description": "Adds a server that `mcp-find` has found, for this session: a person may have to approve it first; then \
            it is fetched, verified and started, and its tools are given with their schemas. What is missing, such as a \
            secret, is answered with what has to be done. Secrets are never given here: the operator sets them.",
        "inputSchema": {
            "properties": {
                "server": server("The server, by its name in the answer of `mcp-find`"),
                "config": {
                    "type": "object",
                    "description": "Values for its configuration, by the keys in the answer of `mcp-find`; never secrets",
                },
                "profile": profile(),
                "from": {
                    "type": "string",
                    "description": "Add it as this other profile has it: its configuration, limits and tools. `mcp-list` shows \
                        the profiles that there are; `config` counts before theirs.",
                },
            },
            "required": ["server"],
        },
        "outputSchema": output(json!({
            "server": {"type": "string"},
            "status": {"type": "string", "enum": ["added", "already_added"]},
            "instructions": {"type": "string", "description": "What the server says about its tools"},
            "heldBack": {"type": "string", "description": "That an operator has yet to accept some of what it offers"},
            "tools": tools(),
            "missingConfig": {"type": "object", "description": "Values that it needs, each with its schema"},
        })),
        "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true},
    })
}

impl Hub {
    pub(super) async fn run_add(&self, ctx: &CallContext, call: &Call, arguments: &RawJson) -> Result<Value> {
        let wanted = Wanted::read(ServerChange::Add, arguments)?;
        self.ensure_same_change(ctx, ServerChange::Add, &call.request).await?;
        let candidate = self.candidate_to_add(&wanted).await?;
        let slot = if wanted.profile.is_some() {
            let by = Editor::tool(NAME, ctx);
            self.add_server(&wanted.server, candidate.settings, &by).await?;
            let slot = self.slot(&wanted.server).ok_or_else(|| self.no_such_server(&wanted.server))?;
            progress::told(self, &call.request, &slot, self.see_with_secrets(ctx, &call.request, &slot)).await?;
            self.publish().await;
            slot
        } else {
            self.add_for_session(ctx, call, candidate).await?
        };
        self.shown_surface(ctx, &slot, "added").await
    }

    async fn add_for_session(&self, ctx: &CallContext, call: &Call, candidate: Candidate) -> Result<Arc<Slot>> {
        let session = self.session_of(ctx)?;
        let slot = candidate.slot;
        self.exchange_added(session, &slot.name, None, Some(&slot)).await?;
        let tried = Tried::new(self, session, &slot, None);
        let started =
            progress::told(self, &call.request, &slot, self.see_with_secrets(ctx, &call.request, &slot)).await;
        // What a person has to set is set and tried again without another question.
        let waits = |error: &Error| matches!(error.kind(), ErrorKind::MissingSecret | ErrorKind::Unauthorized);
        let failure = started.err();
        if let Some(error) = failure.clone().filter(|error| !waits(error)) {
            return Err(error);
        }
        let settings = candidate.settings.to_record();
        self.record_edit("server/add", &slot.name, &Editor::tool(NAME, ctx), Some(settings), failure.as_ref()).await?;
        tried.keep();
        self.publish_own(session).await;
        // What it offers is pinned now: it may be gone before this would be written by itself.
        self.persist().await;
        self.tell_added(&slot.name, Some(session));
        match failure {
            None => Ok(slot),
            Some(error) => Err(error.with_hint(format!(
                "`{}` is added and starts as soon as that is done: then call `mcp-add` again for its tools",
                slot.name
            ))),
        }
    }

    /// As [`see_now`](Self::see_now), once the person at the client has been asked for the secrets that it lacks.
    async fn see_with_secrets(&self, ctx: &CallContext, request: &Request, slot: &Arc<Slot>) -> Result<()> {
        self.ask_for_secrets(ctx, request, slot).await?;
        self.see_now(ctx, slot).await
    }

    /// The answer to whoever adds what is there already; one that was never seen is looked at.
    pub(super) async fn already_added(&self, ctx: &CallContext, slot: &Arc<Slot>) -> Result<RawJson> {
        slot.body.as_ref().map_err(Clone::clone)?;
        if !slot.has_surface() {
            self.see_now(ctx, slot).await?;
        }
        if !self.view_of(ctx.session.as_ref()).await.is_current(slot) {
            match &ctx.session {
                Some(session) if self.added(session).contains_key(&slot.name) => self.publish_own(session).await,
                _ => self.publish().await,
            }
        }
        answer::told(&self.shown_surface(ctx, slot, "already_added").await?)
    }

    /// What a server offers to this session, as much as the profile lets it.
    pub(super) async fn shown_surface(&self, ctx: &CallContext, slot: &Slot, status: &str) -> Result<Value> {
        let session = ctx.session.as_ref();
        let surface = slot.admitted(&self.capabilities_of(session));
        let surface = surface.as_deref();
        let view = self.view_of(session).await;
        let names = view.tool_names(&slot.name);
        let mut tools = Vec::new();
        for tool in surface.iter().flat_map(|surface| &surface.tools) {
            let Some(name) = names.get(&tool.key) else { continue };
            let definition: Value = serde_json::from_str(&tool.json).unwrap_or_default();
            let mut shown = json!({"tool": format!("{}.{}", slot.name, tool.key), "name": name});
            for member in ["description", "inputSchema"] {
                if let Some(said) = definition.get(member) {
                    shown[member] = said.clone();
                }
            }
            tools.push(shown);
        }
        let mut answer = json!({
            "server": slot.name,
            "status": status,
            "tools": tools,
            "next": "call its tools with `mcp-exec`, or directly where they are listed",
        });
        if let Some(text) = surface.and_then(|surface| surface.instructions.as_deref()) {
            answer["instructions"] = text.into();
        }
        if slot.findings().iter().any(|finding| finding.is_held) {
            answer["heldBack"] =
                format!("some of what it offers waits for an operator: `mcp-gateway server diff {}`", slot.name).into();
        }
        Ok(answer)
    }
}
