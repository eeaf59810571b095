//! `mcp-create-profile`: what a session has, written down as a profile of its own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::{self, Named};
use super::facts::{Facts, listed};
use super::schema::{named_profile, output};
use crate::audit::{AuditEvent, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::Hub;
use crate::gateway::layers::Call;
use crate::model::{CallContext, Described};
use crate::profile::{ProfileSpec, Profiles};
use crate::protocol::{RawJson, ServerChange};

pub(super) const NAME: &str = ServerChange::CreateProfile.tool();

pub(super) fn definition() -> Value {
    json!({
        "title": "Create a profile",
        "description": "Writes the servers of this session, those of its profile and those that it has added, with their \
            configuration into a new profile, for other sessions and clients; a person may have to approve it. The rules of \
            the new profile are those of this one. A profile that exists is never changed by this.",
        "inputSchema": {
            "properties": {
                "profile": named_profile("The name of the new profile"),
                "description": {"type": "string", "maxLength": 500, "description": "What it is for"},
            },
            "required": ["profile"],
        },
        "outputSchema": output(json!({
            "profile": {"type": "string"},
            "status": {"type": "string", "enum": ["created"]},
            "servers": {"type": "array", "items": {"type": "string"}},
        })),
        "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false, "openWorldHint": false},
    })
}

impl Hub {
    pub(super) async fn run_create(&self, ctx: &CallContext, call: &Call, arguments: &RawJson) -> Result<Value> {
        let (profiles, spec) = self.profile_to_create(ctx, arguments).await?;
        self.ensure_same_change(ctx, ServerChange::CreateProfile, &call.request).await?;
        let (name, servers) = (spec.name.clone(), spec.servers.keys().cloned().collect::<Vec<_>>());
        let event = || {
            let mut event = AuditEvent::new(self.profile.name().clone(), &*ctx.principal.name, "profile/create");
            event.session = ctx.session.clone();
            event.detail = Some(json!({"by": NAME, "profile": name, "servers": servers}));
            event
        };
        self.audit.append(event()).await?;
        if let Err(error) = profiles.create(spec).await {
            let mut failed = event();
            failed.outcome = Outcome::Failed;
            failed.error = Some(error.report());
            self.audit.append(failed).await?;
            return Err(error);
        }
        Ok(json!({
            "profile": name,
            "status": "created",
            "servers": servers,
            "next": format!("a gateway with these servers is started by `mcp-gateway gateway run --profile {name}`"),
        }))
    }

    /// The profile that would be written: this gateway's own, with the servers of the session.
    async fn profile_to_create(
        &self,
        ctx: &CallContext,
        arguments: &RawJson,
    ) -> Result<(Arc<dyn Profiles>, ProfileSpec)> {
        let named: Named = arguments::read(NAME, arguments)?;
        let profiles = self.dynamic.as_ref().and_then(|dynamic| dynamic.profiles.clone()).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this gateway has no place for other profiles")
                .with_hint("keep what is added in the gateway's own, by `profile`")
        })?;
        if profiles.names().await?.contains(&named.profile) || named.profile == *self.profile.name() {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("profile `{}` exists", named.profile))
                .with_hint("give another name"));
        }
        let mut spec = self.profile.spec().await?;
        for (server, slot) in self.added(self.session_of(ctx)?) {
            spec.servers.insert(server, slot.body.as_ref().map_err(Clone::clone)?.spec.clone());
        }
        if spec.servers.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "this session has no servers")
                .with_hint("find them by `mcp-find`, and add them by `mcp-add`"));
        }
        spec.name = named.profile;
        spec.description = named.description;
        Ok((profiles, spec))
    }

    /// What is written, as policy, approvals and records bind to it; nothing where nothing would be.
    pub(super) async fn describe_profile(&self, ctx: &CallContext, arguments: &RawJson) -> Option<Arc<Described>> {
        let (_, spec) = self.profile_to_create(ctx, arguments).await.ok()?;
        let definition = RawJson::from_value(&spec).ok()?.canonical_hash();
        Some(Arc::new(Described::new(format!("profile {}", spec.name), definition)))
    }

    /// What a person is told before a profile is written.
    pub(super) async fn profile_facts(&self, ctx: &CallContext, arguments: &RawJson) -> Result<Facts> {
        let (_, spec) = self.profile_to_create(ctx, arguments).await?;
        let servers: Vec<_> = spec.servers.keys().map(ToString::to_string).collect();
        let facts = [
            ("would", format!("write profile `{}`, which anybody can start a gateway with", spec.name)),
            ("servers", listed(&servers)),
            ("rules", format!("those of profile `{}`", self.profile.name())),
        ];
        Ok(facts.map(|(what, value)| (what.to_owned(), value)).to_vec())
    }
}
