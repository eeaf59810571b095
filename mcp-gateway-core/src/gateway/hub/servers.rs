//! Putting servers into a running gateway and taking them out.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::{Body, Hub, Slot, Slots, container_tools};
use crate::audit::{AuditEvent, Outcome};
use crate::catalog::{Catalog, fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ServerKind, ServerName, SessionId};
use crate::profile::{ProfileSpec, ServerLock, ServerSpec};
use crate::protocol::GATEWAY;

use super::super::settings::Settings;

/// Who changes which servers there are.
#[derive(Debug)]
pub(crate) struct Editor<'a> {
    principal: &'a str,
    /// By what: the host's own code, or one of the gateway's own tools.
    way: &'static str,
    session: Option<&'a SessionId>,
}

impl<'a> Editor<'a> {
    /// The host's own code.
    pub(crate) const HOST: Editor<'static> = Editor { principal: "operator", way: "host", session: None };

    /// Whether the change is to outlast this run; what a host changes is for its run.
    fn keeps(&self) -> bool {
        self.way != Self::HOST.way
    }

    /// An agent, by one of the gateway's own tools.
    pub(crate) fn tool(tool: &'static str, ctx: &'a CallContext) -> Self {
        Self { principal: &ctx.principal.name, way: tool, session: ctx.session.as_ref() }
    }
}

impl Slot {
    /// A server as profile and catalog describe it, with what was recorded of it.
    ///
    /// One that cannot be used is made too, with the reason.
    pub(crate) async fn of(
        spec: &ProfileSpec,
        server: &ServerName,
        catalog: &dyn Catalog,
        recorded: Option<ServerLock>,
    ) -> Self {
        let body = body(spec, server, catalog).await;
        if let Err(error) = &body {
            tracing::warn!(%server, error = %error.report(), "server is refused");
        }
        let mut catalogued = body.as_ref().ok().and_then(catalogued);
        if let Some(record) = &mut catalogued {
            record.approved = recorded.as_ref().and_then(|recorded| recorded.approved.clone());
            record.pin = recorded.as_ref().and_then(ServerLock::kept_pin);
        }
        let is_catalogued = catalogued.is_some();
        let slot = Self::new(server.clone(), body, catalogued.or(recorded));
        if is_catalogued {
            // Nothing is started that would be recorded; what is accepted of it is to be known later all the same.
            slot.keep_pin();
        }
        slot
    }
}

/// What profile and catalog say about a server.
///
/// # Errors
/// `NotFound` for one that the catalog does not have, `InvalidInput` for the name of the gateway's own tools, and what
/// settings say that cannot be right.
pub(crate) async fn body(spec: &ProfileSpec, server: &ServerName, catalog: &dyn Catalog) -> Result<Body> {
    if server.as_str() == GATEWAY {
        return Err(Error::new(ErrorKind::InvalidInput, "`gateway` is the name of the gateway's own tools")
            .with_hint("give the server another name in its catalog"));
    }
    let Some(entry) = catalog.get(server).await? else {
        return Err(catalog.refusal(server).await?.unwrap_or_else(|| not_in_catalog(server, catalog)));
    };
    let own = spec.servers.get(server).cloned().unwrap_or_default();
    let mut settings = Settings::of(spec, server, &entry)?;
    settings.verify.demanded = catalog.demands_signature(&entry);
    Ok(Body { fingerprint: fingerprint(&entry), entry, spec: own, settings })
}

fn not_in_catalog(server: &ServerName, catalog: &dyn Catalog) -> Error {
    Error::new(ErrorKind::NotFound, format!("server `{server}` is in no catalog"))
        .with_context("catalog", catalog.name())
        .with_hint("run `mcp-gateway catalog ls` to see what there is")
}

/// What a server offers whose tools the catalog itself defines.
fn catalogued(body: &Body) -> Option<ServerLock> {
    (body.entry.kind == ServerKind::Poci).then(|| ServerLock {
        entry: body.fingerprint.clone(),
        identity: body.fingerprint.clone(),
        surface: Some(container_tools(&body.entry)),
        ..ServerLock::default()
    })
}

impl Hub {
    /// Puts a server into the profile and shows what is recorded of it; it starts on first use, as all do.
    ///
    /// It is not there before it is recorded, and an attempt that failed is recorded too.
    pub(crate) async fn add_server(&self, server: &ServerName, settings: ServerSpec, by: &Editor<'_>) -> Result<()> {
        let _editing = self.editing.lock().await;
        let asked = Some(settings.to_record());
        let kept = settings.clone();
        let mut added = self.put_server(server, settings).await;
        if added.is_ok() && by.keeps() {
            added = self.profile.keep_server(server, Some(&kept)).await;
            if added.is_err() {
                self.take_out(server).await?;
            }
        }
        let recorded = self.record_edit("server/add", server, by, asked, added.as_ref().err()).await;
        if added.is_ok() && recorded.is_err() {
            self.take_out(server).await?;
            if by.keeps() {
                self.profile.keep_server(server, None).await?;
            }
        }
        // The record says why; whoever asks is told what they would be told of any name that is in no catalog.
        let added = added.map_err(|error| match error.kind() {
            ErrorKind::Denied => not_in_catalog(server, self.catalog.as_ref()),
            _ => error,
        });
        added.and(recorded)
    }

    async fn put_server(&self, server: &ServerName, settings: ServerSpec) -> Result<()> {
        if self.closing.is_cancelled() {
            return Err(super::start::closing());
        }
        if self.slot(server).is_some() {
            let taken = format!("profile `{}` has server `{server}` already", self.profile.name());
            return Err(Error::new(ErrorKind::AlreadyExists, taken));
        }
        let recorded = self.profile.lock().await?.servers.shift_remove(server);
        // Read back from the profile, which may know more about its servers than the caller does.
        let spec = self
            .profile
            .update(Box::new(|spec| {
                spec.servers.insert(server.clone(), settings);
                Ok(())
            }))
            .await?;
        let slot = Slot::of(&spec, server, self.catalog.as_ref(), recorded).await;
        if let Err(error) = &slot.body {
            self.forget_server(server).await?;
            return Err(error.clone());
        }
        let mut slots = Slots::clone(&self.slots());
        slots.insert(server.clone(), Arc::new(slot));
        self.replace(slots);
        self.publish().await;
        self.tell_added(server, None);
        Ok(())
    }

    /// Takes a server out of the profile and stops it.
    pub(crate) async fn remove_server(&self, server: &ServerName, by: &Editor<'_>) -> Result<()> {
        let _editing = self.editing.lock().await;
        let mut removed = self.take_out(server).await;
        if removed.is_ok() && by.keeps() {
            removed = self.profile.keep_server(server, None).await;
        }
        let recorded = self.record_edit("server/remove", server, by, None, removed.as_ref().err()).await;
        removed.and(recorded)
    }

    /// Gives a server of the profile other settings, and stops what runs of it.
    ///
    /// It is recorded before it is there.
    pub(crate) async fn configure_server(
        &self,
        server: &ServerName,
        settings: ServerSpec,
        by: &Editor<'_>,
    ) -> Result<Arc<Slot>> {
        let _editing = self.editing.lock().await;
        let held = self.slot(server).ok_or_else(|| self.no_such_server(server))?;
        self.record_edit("config/set", server, by, Some(settings.to_record()), None).await?;
        let recorded = self.profile.lock().await?.servers.shift_remove(server);
        if by.keeps() {
            self.profile.keep_server(server, Some(&settings)).await?;
        }
        let replace = |spec: &mut ProfileSpec| {
            spec.servers.insert(server.clone(), settings);
            Ok(())
        };
        let spec = self.profile.update(Box::new(replace)).await?;
        let slot = Arc::new(Slot::of(&spec, server, self.catalog.as_ref(), recorded).await);
        let mut slots = Slots::clone(&self.slots());
        slots.insert(server.clone(), Arc::clone(&slot));
        self.replace(slots);
        self.retire_all(&held);
        self.publish().await;
        Ok(slot)
    }

    /// Records a change of the set of servers.
    pub(crate) async fn record_edit(
        &self,
        action: &'static str,
        server: &ServerName,
        by: &Editor<'_>,
        settings: Option<Value>,
        failure: Option<&Error>,
    ) -> Result<()> {
        let mut event = AuditEvent::new(self.profile.name().clone(), by.principal, action);
        event.server = Some(server.clone());
        event.session = by.session.cloned();
        event.detail = Some(match settings {
            Some(settings) => json!({"by": by.way, "settings": settings}),
            None => json!({"by": by.way}),
        });
        if let Some(error) = failure {
            event.outcome = Outcome::Failed;
            event.error = Some(error.report());
        }
        self.audit.append(event).await.map(|_| ())
    }

    async fn take_out(&self, server: &ServerName) -> Result<()> {
        let mut slots = Slots::clone(&self.slots());
        let Some(slot) = slots.shift_remove(server) else { return Err(self.no_such_server(server)) };
        self.forget_server(server).await?;
        self.replace(slots);
        // Before anything is waited for: nobody else knows of what runs here any more.
        for instance in slot.take_all() {
            self.retire(&slot, instance);
        }
        self.publish().await;
        self.tell_removed(server, None);
        Ok(())
    }

    /// Whether this is still one of the servers: a start that is under way may outlive it.
    pub(crate) fn holds(&self, slot: &Arc<Slot>) -> bool {
        self.all_slots().iter().any(|held| Arc::ptr_eq(held, slot))
    }

    pub(crate) fn no_such_server(&self, server: &ServerName) -> Error {
        Error::new(ErrorKind::NotFound, format!("server `{server}` is not in profile `{}`", self.profile.name()))
    }

    async fn forget_server(&self, server: &ServerName) -> Result<()> {
        let forget = |spec: &mut ProfileSpec| {
            spec.servers.shift_remove(server);
            Ok(())
        };
        self.profile.update(Box::new(forget)).await.map(|_| ())
    }

    fn replace(&self, slots: Slots) {
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(slots);
        self.changed.notify_one();
    }
}
