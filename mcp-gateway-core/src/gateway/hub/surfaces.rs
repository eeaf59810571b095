//! Holding back what is not accepted of what servers offer.

use std::sync::{Arc, PoisonError};

use super::slot::{Recorded, Slot};
use super::{GatewayEvent, Hub};
use crate::audit::AuditEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::surfaces::{Finding, names, records, visible};
use crate::gateway::view::template_pattern;
use crate::model::{CallContext, Principal, ServerKind, SessionId, Surface};
use crate::profile::Isolation;
use crate::protocol::{ListKind, Request, RequestKind, Target};

impl Hub {
    /// Refuses a request that is about something that is held back.
    ///
    /// # Errors
    /// `Denied`, with the command that shows what changed.
    pub(super) async fn ensure_accepted(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        request: &Request,
        target: &Target,
    ) -> Result<()> {
        if self.held_by(ctx, slot, request, target).is_none() {
            return Ok(());
        }
        // An operator may have accepted it by another process.
        self.learn().await;
        let Some(finding) = self.held_by(ctx, slot, request, target) else { return Ok(()) };
        let server = &slot.name;
        let refused = format!("`{}` is held back: {}", visible(&target.to_string()), finding.reason());
        let profile = self.profile.name();
        Err(Error::new(ErrorKind::Denied, refused)
            .with_operation("Hub::ensure_accepted")
            .with_context("server", server)
            .with_hint(format!(
                "an operator sees what changed by `mcp-gateway server diff {server} --profile {profile}`"
            ))
            .with_hint(format!("and accepts it by `mcp-gateway server approve {server} --profile {profile}`")))
    }

    /// Starts a server of which something is held back, where it does not run: it may be what it was by now, and without a
    /// look nobody would ever know. The request is then to be held against what it offers now.
    ///
    /// # Errors
    /// Why the request is refused, where the server runs or cannot be started.
    pub(super) async fn look_anew(&self, ctx: &CallContext, slot: &Arc<Slot>, held: Error) -> Result<()> {
        let place = slot.place(ctx.session.as_ref());
        let stays = slot
            .body
            .as_ref()
            .is_ok_and(|body| body.entry.kind != ServerKind::Poci && body.settings.isolation != Isolation::Call);
        if !stays || slot.running_at(&place).is_some_and(|instance| !instance.peer.is_closed()) {
            return Err(held);
        }
        match self.acquire(ctx, slot).await {
            Ok(instance) => {
                instance.leave();
                Ok(())
            }
            Err(error) => {
                tracing::debug!(server = %slot.name, error = %error.report(), "a server could not be looked at anew");
                Err(held)
            }
        }
    }

    /// Why a request is refused, if it is.
    fn held_by(&self, ctx: &CallContext, slot: &Slot, request: &Request, target: &Target) -> Option<Finding> {
        let capabilities = self.sessions.capabilities(ctx.session.as_ref());
        if let Some(own) = ctx.session.as_ref().and_then(|session| self.own_surface(session, slot.number)) {
            return held_of(&own, &slot.judge(&own), request, &target.name);
        }
        let (lock, findings) = slot.reviewed()?;
        held_of(lock.surface_for(&capabilities)?, &findings, request, &target.name)
    }

    /// Why a definition is held back, by its canonical name, if it is.
    pub(crate) fn why_held(&self, ctx: &CallContext, request: &Request) -> Option<String> {
        let target = request.target.as_ref()?;
        let slots = self.slots_of(ctx.session.as_ref());
        let slot = slots.get(&target.server)?;
        self.held_by(ctx, slot, request, target).map(|finding| finding.reason())
    }

    /// Whether something is held back.
    pub(super) fn holds_back(&self) -> bool {
        let is_held = |slot: &Arc<Slot>| slot.findings().iter().any(|finding| finding.is_held);
        self.all_slots().iter().any(is_held) || !self.own.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes over what was accepted in other processes since the lock was read last.
    pub(crate) async fn learn(&self) {
        let lock = match self.profile.lock().await {
            Ok(lock) => lock,
            // What was known before counts until it can be read again.
            Err(error) => return tracing::debug!(error = %error.report(), "the lock could not be read again"),
        };
        let mut is_new = false;
        for slot in self.all_slots() {
            if let Some(record) = lock.servers.get(&slot.name)
                && let Some(pin) = &record.pin
            {
                is_new |= slot.adopt(pin, record.approved.clone());
            }
        }
        if is_new {
            self.publish().await;
            self.changed.notify_one();
        }
    }

    /// Records and tells what came of a look at a server.
    pub(super) async fn note_surface(&self, slot: &Slot, session: Option<&SessionId>, recorded: &Recorded) {
        if !recorded.held.is_empty() {
            self.note_held(slot, session, &recorded.held).await;
        }
        if !recorded.accepted.is_empty() {
            self.note_accepted(slot, None, &recorded.accepted).await;
        }
    }

    /// Records and tells that something is held back.
    pub(super) async fn note_held(&self, slot: &Slot, session: Option<&SessionId>, held: &[Finding]) {
        let first = held.first().map(|finding| format!("{}: {}", finding.subject(), finding.reason()));
        let first = first.unwrap_or_default();
        tracing::warn!(server = %slot.name, count = held.len(), first, "what the server offers is held back");
        self.bus.tell(|| GatewayEvent::SurfaceHeld { server: slot.name.clone(), items: names(held) });
        let mut event = AuditEvent::new(self.profile.name().clone(), "gateway", "surface/held");
        event.session = session.cloned();
        self.record_surface(slot, event, held).await;
    }

    /// Records and tells that something was accepted: by an operator, or by the profile's rules.
    pub(crate) async fn note_accepted(&self, slot: &Slot, by: Option<&Principal>, accepted: &[Finding]) {
        self.bus.tell(|| GatewayEvent::SurfaceAccepted {
            server: slot.name.clone(),
            items: names(accepted),
            by: by.map(|by| by.name.to_string()),
        });
        let principal = by.map_or("gateway", |by| &*by.name);
        let event = AuditEvent::new(self.profile.name().clone(), principal, "surface/accept");
        self.record_surface(slot, event, accepted).await;
    }

    async fn record_surface(&self, slot: &Slot, mut event: AuditEvent, findings: &[Finding]) {
        event.server = Some(slot.name.clone());
        let identity = slot.lock().map(|lock| lock.identity.clone()).unwrap_or_default();
        event.detail = Some(records(findings, &identity));
        if let Err(error) = self.audit.append(event).await {
            tracing::error!(error = %error.report(), "what is held back of a server could not be recorded");
        }
    }

    /// What stands out in what is offered to the sessions that are open, each alone.
    pub(crate) fn findings_of_sessions(&self, slot: &Slot) -> Vec<Finding> {
        let own = self.own_surfaces(slot.number);
        let mut found: Vec<Finding> = Vec::new();
        for finding in own.iter().flat_map(|own| slot.judge(own)) {
            if !found.iter().any(|known| known.item.list == finding.item.list && known.definition == finding.definition)
            {
                found.push(finding);
            }
        }
        found
    }
}

/// Why a request about a part of a surface is refused, if it is.
fn held_of(surface: &Surface, findings: &[Finding], request: &Request, name: &str) -> Option<Finding> {
    let held: Vec<_> = findings.iter().filter(|finding| finding.is_held).collect();
    if held.is_empty() {
        return None;
    }
    let is_offered = |finding: &Finding, list: ListKind| {
        let mut items = surface.list(list).iter();
        items.any(|item| item.key == finding.item.key && item.json == finding.item.json)
    };
    let of = |list: ListKind, is_meant: &dyn Fn(&str) -> bool| {
        let mut held = held.iter().filter(|finding| finding.item.list == Some(list));
        held.find(|finding| is_meant(&finding.item.key) && is_offered(finding, list)).map(|finding| (*finding).clone())
    };
    let named = |key: &str| key == name;
    match request.kind {
        RequestKind::CallTool => of(ListKind::Tools, &named),
        RequestKind::GetPrompt => of(ListKind::Prompts, &named),
        RequestKind::Complete => of(request.completes()?, &named),
        RequestKind::ReadResource | RequestKind::Subscribe => {
            if surface.resources.iter().any(|resource| resource.key == name) {
                return of(ListKind::Resources, &named);
            }
            let fits = |template: &str| template_pattern(template).matches(name);
            let held = of(ListKind::ResourceTemplates, &fits)?;
            let is_held = |key: &str| of(ListKind::ResourceTemplates, &|held: &str| held == key).is_some();
            let mut others = surface.resource_templates.iter();
            // One that is accepted covers it too.
            if others.any(|template| fits(&template.key) && !is_held(&template.key)) { None } else { Some(held) }
        }
        _ => None,
    }
}
