//! A server that an agent wants to have, before anything of it runs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::Wanted;
use super::config;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::{Body, Hub, Slot};
use crate::model::{CallContext, Described, ServerEntry, ServerName, SessionId};
use crate::profile::{ServerLock, ServerSpec};
use crate::protocol::{RawJson, Request, ServerChange};

/// The server that would be started.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) slot: Arc<Slot>,
    pub(super) settings: ServerSpec,
    /// What was recorded of a server of this name before, whatever its entry was then.
    pub(super) recorded: Option<ServerLock>,
}

impl Candidate {
    pub(super) fn body(&self) -> Result<&Body> {
        self.slot.body.as_ref().map_err(Clone::clone)
    }
}

impl Hub {
    /// What would come of adding a server.
    ///
    /// # Errors
    /// `NotFound` for one that no catalog has, and what profile or catalog say that cannot be right.
    pub(super) async fn candidate(&self, server: &ServerName, settings: ServerSpec) -> Result<Candidate> {
        if self.catalog.get(server).await?.is_none() {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no server `{server}`"))
                .with_hint("`mcp-find` finds those that there are"));
        }
        let spec = self.profile.spec_with(server, settings.clone()).await?;
        let recorded = self.profile.lock().await?.servers.shift_remove(server);
        let slot = Arc::new(Slot::of(&spec, server, self.catalog.as_ref(), recorded.clone()).await);
        let candidate = Candidate { slot, settings, recorded };
        candidate.body()?;
        Ok(candidate)
    }

    /// What would come of adding what is wanted, with values that its schema allows.
    ///
    /// # Errors
    /// As [`candidate`](Self::candidate), and `InvalidInput` for values that are wrong.
    pub(super) async fn candidate_to_add(&self, wanted: &Wanted) -> Result<Candidate> {
        let mut settings = self.settings_from(wanted).await?;
        let from = std::mem::replace(&mut settings.config, wanted.config.clone());
        let candidate = self.candidate(&wanted.server, settings).await?;
        // What another profile says was written by an operator, who may write what no schema here is looked at for.
        let is_given = |(key, value): &(&String, &Value)| from.get(*key) != Some(*value);
        let given = wanted.config.iter().filter(is_given).map(|(key, value)| (key.clone(), value.clone())).collect();
        config::check(&candidate.body()?.entry, &given)?;
        Ok(candidate)
    }

    /// What would come of other values for a server that is there: those that are given replace those that it has.
    ///
    /// # Errors
    /// `NotFound` for a server that is not there, and as [`candidate_to_add`](Self::candidate_to_add).
    pub(super) async fn candidate_to_configure(&self, ctx: &CallContext, wanted: &Wanted) -> Result<Candidate> {
        let held = self.held(ctx, wanted)?;
        let mut settings = held.body.as_ref().map_err(Clone::clone)?.spec.clone();
        settings.config.extend(wanted.config.clone());
        let candidate = self.candidate(&wanted.server, settings).await?;
        config::check(&candidate.body()?.entry, &wanted.config)?;
        Ok(candidate)
    }

    /// The server that a change is about: of the profile where it is to be kept there, else one that the session has added.
    ///
    /// # Errors
    /// `NotFound` for one that is not there, `Denied` for one of the profile that is to be changed for a session.
    pub(super) fn held(&self, ctx: &CallContext, wanted: &Wanted) -> Result<Arc<Slot>> {
        let server = &wanted.server;
        let of_profile = self.slot(server).filter(|slot| !slot.is_shut_out());
        if wanted.profile.is_some() {
            return of_profile.ok_or_else(|| self.no_such_server(server));
        }
        let added = self.added(self.session_of(ctx)?);
        if let Some(slot) = added.get(server) {
            return Ok(Arc::clone(slot));
        }
        Err(match of_profile {
            Some(_) => Error::new(ErrorKind::Denied, format!("server `{server}` is the profile's, not this session's"))
                .with_hint(format!("only with `profile: {}` can it be changed, for everybody", self.profile.name())),
            None => Error::new(ErrorKind::NotFound, format!("this session has added no server `{server}`"))
                .with_hint("`mcp-list` shows what there is"),
        })
    }

    /// The session that a change belongs to.
    ///
    /// # Errors
    /// `InvalidInput` for a call in no session.
    pub(super) fn session_of<'a>(&self, ctx: &'a CallContext) -> Result<&'a SessionId> {
        ctx.session.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "what is added belongs to a session, and this call is in none")
                .with_hint("open a session and call in it")
        })
    }

    /// What a change would come to, as policy, approvals and records bind to it; nothing where it cannot be found out.
    pub(crate) async fn describe_change(
        &self,
        ctx: &CallContext,
        change: ServerChange,
        request: &Request,
    ) -> Option<Arc<Described>> {
        let arguments = request.arguments().cloned().unwrap_or_else(RawJson::empty_object);
        if change == ServerChange::CreateProfile {
            return self.describe_profile(ctx, &arguments).await;
        }
        let wanted = Wanted::read(change, &arguments).ok()?;
        let mut settings = None;
        let slot = match change {
            ServerChange::Add if wanted.from.is_some() => {
                let candidate = self.candidate_to_add(&wanted).await.ok()?;
                settings = serde_json::to_value(&candidate.settings).ok();
                candidate.slot
            }
            ServerChange::Add => self.candidate_to_add(&wanted).await.ok()?.slot,
            ServerChange::Configure => self.candidate_to_configure(ctx, &wanted).await.ok()?.slot,
            ServerChange::Remove | ServerChange::CreateProfile => self.held(ctx, &wanted).ok()?,
        };
        let body = slot.body.as_ref().ok()?;
        let identity = slot.lock().map_or_else(|| source(&body.entry), |lock| lock.identity.clone());
        // With its configuration: a yes for every call of a session is none for other mounts.
        let mut definition = json!({"entry": body.fingerprint, "config": wanted.config, "profile": wanted.profile});
        if let Some(settings) = settings {
            definition["settings"] = settings;
        }
        Some(Arc::new(Described::new(identity, RawJson::from_value(&definition).ok()?.canonical_hash())))
    }

    /// Refuses a change that was decided about another server than the one that would come of it now.
    pub(super) async fn ensure_same_change(
        &self,
        ctx: &CallContext,
        change: ServerChange,
        request: &Request,
    ) -> Result<()> {
        if self.describe_change(ctx, change, request).await == request.described {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Conflict, "the server that it is about has changed while the request waited")
            .with_hint("call again: it is then decided anew"))
    }
}

/// What an entry runs, as it is written there.
fn source(entry: &ServerEntry) -> String {
    let process = entry.process.as_ref().map(|process| process.package.to_string());
    let remote = entry.remote.as_ref().map(|remote| remote.url.clone());
    entry.image.clone().or(remote).or_else(|| entry.sse_endpoint.clone()).or(process).unwrap_or_default()
}
