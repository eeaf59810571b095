//! The gateway's own tools, by which agents find, add and call servers.
//!
//! # Behavior
//! - They are tools of a server whose name no other can have, and their calls pass every layer as any other call does.
//! - `mcp-exec` is taken apart before the layers: they see the call that it makes and nothing of it. So is
//!   `mcp-activate-profile`, into one addition for each server.
//! - What an agent adds belongs to its session. What is to outlast it needs the word of the profile.

mod activate;
mod add;
mod answer;
mod arguments;
mod ask;
mod candidate;
mod config;
mod config_set;
mod create;
mod exec;
mod facts;
mod find;
mod gathered;
mod list;
mod profiles;
mod progress;
mod proposal;
mod remove;
mod saving;
mod schema;
#[cfg_attr(not(feature = "transport-http"), path = "secret_page_missing.rs")]
mod secret_page;
mod tried;

use std::sync::Arc;

use serde_json::{Value, json};

use super::definitions::Source;
use super::hub::{Hub, checked, told};
use super::layers::Call;
use super::redact::{Redaction, Rules};
use super::view::Part;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Definition, ServerName, Surface};
use crate::profile::{ApprovedSurface, DynamicSpec, Profiles, RedactionSpec, SaveWord, ServerLock};
use crate::protocol::{GATEWAY, GATEWAY_TOOLS, RawJson, RequestKind, Response, Target};

pub(crate) use activate::{Activation, NAME as ACTIVATE};
pub(crate) use exec::unknown as unknown_tool;
pub(crate) use saving::SavingPolicy;
pub(crate) use secret_page::SecretPages;

const INSTRUCTIONS: &str = "\
More servers can be used than are listed here. `mcp-find` searches servers and their tools by words; `mcp-add` adds one for \
this session, which a person may have to approve; `mcp-exec` calls any tool by its name `server.tool`, listed or not, as a \
direct call would. The answer of `mcp-add` holds the new tools with their schemas, so they need not be listed again. \
`mcp-list` shows what there is, and why something is refused.";

const LEAN: &str = " Only these tools are listed: find every other one with `mcp-find` (`detail: schema` gives its input \
schema) and call it with `mcp-exec`.";

/// What of its own a gateway offers.
#[derive(Clone, Debug)]
pub(crate) struct Dynamic {
    pub(crate) spec: DynamicSpec,
    /// The other profiles, where the gateway has any.
    profiles: Option<Arc<dyn Profiles>>,
    rules: Rules,
    name: ServerName,
    lock: Arc<ServerLock>,
}

impl Dynamic {
    /// The tools that a profile lets agents use; nothing where it lets them use none.
    ///
    /// # Errors
    /// `Internal` when a definition has no JSON form.
    pub(crate) fn of(
        spec: &DynamicSpec,
        redaction: &RedactionSpec,
        profiles: Option<Arc<dyn Profiles>>,
    ) -> Result<Option<Self>> {
        if !spec.enabled {
            return Ok(None);
        }
        let mut surface = Surface { capabilities: json!({"tools": {"listChanged": true}}), ..Surface::default() };
        surface.instructions = Some(format!("{INSTRUCTIONS}{}", if spec.lean { LEAN } else { "" }));
        let mut approved = ApprovedSurface::new(GATEWAY, identity());
        let has_profiles = profiles.is_some();
        let offers = |tool: &&str| match *tool {
            create::NAME => has_profiles && spec.save != SaveWord::Never,
            activate::NAME => has_profiles && !spec.profiles.is_empty(),
            _ => true,
        };
        for tool in GATEWAY_TOOLS.into_iter().filter(|tool| spec.offers(tool)).filter(offers) {
            let json = RawJson::from_value(&schema::definition(tool))?;
            approved.definitions.insert(json.canonical_hash());
            surface.tools.push(Definition::new(tool, json.get()));
        }
        let lock = ServerLock {
            entry: GATEWAY.to_owned(),
            identity: identity(),
            surface: Some(surface),
            approved: Some(approved),
            ..ServerLock::default()
        };
        let rules = Rules::of(redaction, &RedactionSpec::default());
        Ok(Some(Self { spec: spec.clone(), profiles, rules, name: ServerName::new(GATEWAY)?, lock: Arc::new(lock) }))
    }

    /// Whether lists show these tools alone.
    pub(crate) const fn is_lean(&self) -> bool {
        self.spec.lean
    }

    /// Their part in a view.
    pub(crate) fn part(&self) -> Option<Part<'_>> {
        let surface = self.lock.surface.as_ref()?;
        Some(Part { server: &self.name, surface, prefix: None, offers: &|_| true, held: Vec::new() })
    }

    /// Where their definitions come from.
    pub(crate) fn source(&self) -> (ServerName, Source) {
        (self.name.clone(), Source::of_gateway(Arc::clone(&self.lock)))
    }
}

/// What runs, where the gateway itself does.
fn identity() -> String {
    format!("mcp-gateway {}", env!("CARGO_PKG_VERSION"))
}

impl Hub {
    /// Carries out a call of one of the gateway's own tools.
    pub(crate) async fn run_own(&self, ctx: &CallContext, call: &Call, target: &Target) -> Result<Response> {
        let request = &call.request;
        if request.kind != RequestKind::CallTool {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{target}` is a tool, and can only be called")));
        }
        if request.params.get("task").is_some() && !request.takes_rounds {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{target}` is not carried out as a task")));
        }
        let redaction = Arc::new(self.own_redaction());
        // Set once: a call goes to one server.
        let _ = call.redaction.set(Arc::clone(&redaction));
        let params = checked(call, &redaction, request.params.clone())?;
        let arguments = params.get("arguments").cloned().unwrap_or_else(RawJson::empty_object);
        let done = match target.name.as_str() {
            find::NAME => self.run_find(ctx, &arguments).await,
            add::NAME => self.run_add(ctx, call, &arguments).await,
            remove::NAME => self.run_remove(ctx, call, &arguments).await,
            config_set::NAME => self.run_config_set(ctx, call, &arguments).await,
            exec::NAME => Err(exec::wrong(&arguments)),
            list::NAME => self.run_list(ctx, &arguments).await,
            create::NAME => self.run_create(ctx, call, &arguments).await,
            activate::NAME => Err(self.why_not_activated(ctx, &arguments).await),
            _ => return Err(Error::new(ErrorKind::NotFound, format!("`{target}` is no tool of the gateway's own"))),
        };
        let answer = match done {
            Ok(value) => answer::told(&value),
            // Whoever has given up, or a gateway that ends, is answered as by any other call.
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed) => return Err(error),
            Err(error) => answer::failed(&error, Value::Null),
        };
        let result = told(call, &redaction, Ok(answer?))?;
        Ok(Response { result, ..Response::new(RawJson::empty_object()) })
    }

    /// What is cut out of what the gateway's own tools say and are told.
    pub(crate) fn own_redaction(&self) -> Redaction {
        let rules = self.dynamic.as_ref().map(|dynamic| dynamic.rules.clone()).unwrap_or_default();
        Redaction::new(&[], &self.launcher.known, rules)
    }
}
