//! Starting servers: one start for all who wait for it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::events::Events;
use super::instance::{Instance, Usage};
use super::slot::{Found, Slot};
use super::{Body, GatewayEvent, Hub, slot::Place};
use crate::audit::{AuditEvent, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, SessionId, is_package_volume};
use crate::protocol::{ClientCapabilities, ProtocolVersion};
use crate::transport::client::{Greeting, Peer};

/// How often a caller looks for a server that keeps vanishing.
const ATTEMPTS: usize = 4;

pub(super) fn closing() -> Error {
    Error::new(ErrorKind::Closed, "the gateway is shutting down")
}

fn given_up() -> Error {
    Error::new(ErrorKind::Closed, "the session or its server was given up while it was starting")
}

/// What a server is allowed, for the record of its start; names of secrets, never values.
fn allowed(body: &Body) -> Value {
    let entry = &body.entry;
    let runs = entry.image.as_deref().or(entry.sse_endpoint.as_deref());
    let secrets: Vec<_> = entry.secrets.iter().map(|secret| &secret.name).collect();
    let mut allowed = json!({
        "isolation": body.settings.isolation,
        "limits": body.settings.limits,
        "network": body.settings.network,
        "runs": runs.or_else(|| entry.remote.as_ref().map(|remote| remote.url.as_str())),
        "secrets": secrets,
        "tools": body.spec.tools,
        "writable": body.spec.writable,
    });
    // By this alone it is known when a package was last used.
    let volumes = entry.volumes.iter().filter_map(|volume| volume.split(':').next());
    let packages: Vec<_> = volumes.filter(|name| is_package_volume(name)).collect();
    if !packages.is_empty() {
        allowed["packages"] = json!(packages);
    }
    allowed
}

/// How long a caller waits for a start; pulling an image may take longer and then goes on in the background.
pub(super) fn wait_limit(slot: &Slot) -> Duration {
    slot.body.as_ref().map_or(Duration::ZERO, |body| body.settings.limits.start_timeout)
}

impl Hub {
    /// The server at the caller's place, started if it has to be; the caller has entered it and must leave it.
    pub(super) async fn acquire(&self, ctx: &CallContext, slot: &Arc<Slot>) -> Result<Arc<Instance>> {
        self.acquire_at(ctx, slot, slot.place(ctx.session.as_ref())).await
    }

    /// As [`acquire`](Self::acquire), at another place.
    pub(super) async fn acquire_at(&self, ctx: &CallContext, slot: &Arc<Slot>, place: Place) -> Result<Arc<Instance>> {
        if let Err(error) = &slot.body {
            return Err(error.clone());
        }
        for _ in 0..ATTEMPTS {
            if self.closing.is_cancelled() {
                return Err(closing());
            }
            let (found, dead) = slot.look(&place);
            if let Some(dead) = dead {
                self.retire(slot, dead);
            }
            let mut started = match found {
                Found::Running(instance) => return Ok(instance),
                Found::Starting(started) => started,
                Found::Vacant(sender) => {
                    let started = sender.subscribe();
                    self.begin_start(slot, &place, sender);
                    started
                }
            };
            let outcome = ctx
                .bounded(wait_limit(slot), async {
                    let outcome = started.wait_for(Option::is_some).await.map_err(|_| closing())?;
                    outcome.clone().unwrap_or_else(|| Err(closing()))
                })
                .await;
            match outcome {
                // Entered on the next round, under the lock that the reaper takes too.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Timeout && error.operation().is_none() => {
                    return Err(error
                        .with_context("server", &slot.name)
                        .with_hint("the server is still starting; try again in a moment")
                        .retry_later());
                }
                Err(error) => return Err(error),
            }
        }
        let error = Error::new(ErrorKind::ServerExited, "server ends as soon as it has started")
            .with_context("server", &slot.name);
        slot.health().crashed(error.clone());
        Err(error)
    }

    fn begin_start(
        &self,
        slot: &Arc<Slot>,
        place: &Place,
        sender: tokio::sync::watch::Sender<Option<Result<Arc<Instance>>>>,
    ) {
        let refusal = slot.health().refusal();
        let (Some(hub), None) = (self.this.upgrade(), &refusal) else {
            slot.vacate(place);
            sender.send_replace(Some(Err(refusal.unwrap_or_else(closing))));
            return;
        };
        let (slot, place) = (Arc::clone(slot), place.clone());
        self.tasks.spawn(async move {
            let session = place.session().cloned();
            let capabilities = hub.sessions.capabilities(session.as_ref());
            let outcome = match hub.start_instance(&slot, session, capabilities).await {
                Ok(instance) if hub.holds(&slot) && slot.settle(&place, &instance) => {
                    hub.resubscribe(&slot, &place, &instance).await;
                    if hub.is_wanted(&place) {
                        Ok(instance)
                    } else {
                        // Whoever ends a session looks at its places once, and may have looked too early.
                        if slot.take(&instance) {
                            hub.retire(&slot, instance);
                        }
                        Err(given_up())
                    }
                }
                Ok(instance) => {
                    hub.retire(&slot, instance);
                    Err(given_up())
                }
                Err(error) => {
                    slot.vacate(&place);
                    Err(error)
                }
            };
            sender.send_replace(Some(outcome));
        });
    }

    /// Whether somebody is still there for whom a place is kept.
    fn is_wanted(&self, place: &Place) -> bool {
        place.session().is_none_or(|session| self.sessions.is_open(session))
    }

    /// Starts a server, shakes hands, records the start and what the server offers.
    pub(super) async fn start_instance(
        &self,
        slot: &Arc<Slot>,
        session: Option<SessionId>,
        capabilities: ClientCapabilities,
    ) -> Result<Arc<Instance>> {
        let begun = Instant::now();
        // Not dropped when the gateway closes: a server that was started by then has to be stopped, and waited for.
        let started = match self.try_start(slot, session.clone(), capabilities).await {
            Err(_) if self.closing.is_cancelled() => Err(closing()),
            started => started,
        };
        let outcome = if started.is_ok() { "ok" } else { "error" };
        self.metrics.record_server_start(slot.name.as_str(), outcome);
        let mut event = AuditEvent::new(self.profile.name().clone(), "gateway", "server/start");
        event.server = Some(slot.name.clone());
        event.session = session;
        event.detail = slot.body.as_ref().ok().map(allowed);
        event.duration_micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        match &started {
            Ok(instance) => {
                event.instance = Some(instance.id.clone());
                if let Some(detail) = event.detail.as_mut().and_then(Value::as_object_mut) {
                    detail.insert("runtime".to_owned(), instance.runtime.name().into());
                    detail.insert("image".to_owned(), json!(instance.image));
                }
            }
            Err(error) => {
                self.bus.tell(|| GatewayEvent::ServerFailed { server: slot.name.clone(), reason: error.report() });
                event.outcome = Outcome::Failed;
                event.error = Some(error.report());
            }
        }
        let recorded = self.audit.append(event).await;
        match (started, recorded) {
            (Ok(instance), Ok(_)) => {
                self.bus.tell(|| GatewayEvent::ServerStarted {
                    server: slot.name.clone(),
                    instance: instance.id.clone(),
                    session: instance.session.clone(),
                });
                Ok(instance)
            }
            (Ok(instance), Err(error)) => {
                instance.stop().await;
                Err(error)
            }
            (Err(error), _) => {
                let error = error.with_context("server", &slot.name);
                tracing::warn!(error = %error.report(), "server did not start");
                if error.kind() != ErrorKind::Closed {
                    slot.health().start_failed(error.clone());
                }
                Err(error)
            }
        }
    }

    async fn try_start(
        &self,
        slot: &Arc<Slot>,
        session: Option<SessionId>,
        capabilities: ClientCapabilities,
    ) -> Result<Arc<Instance>> {
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let _permit = tokio::select! {
            permit = self.starting.acquire() => permit.map_err(|_| closing())?,
            () = self.closing.cancelled() => return Err(closing()),
        };
        let ctx = CallContext::local().with_cancellation(self.closing.child_token());
        match self.launch(&ctx, slot, body, &session, &capabilities, None).await {
            // Some servers end when the first word is not a handshake; these get it as the first word.
            Err(error) if error.kind() == ErrorKind::ServerExited && !self.closing.is_cancelled() => {
                tracing::debug!(server = %slot.name, "server went away when it was asked what it is; it is started again");
                let version = Some(ProtocolVersion::LATEST_WITH_HANDSHAKE);
                self.launch(&ctx, slot, body, &session, &capabilities, version).await
            }
            launched => launched,
        }
    }

    async fn launch(
        &self,
        ctx: &CallContext,
        slot: &Arc<Slot>,
        body: &super::Body,
        session: &Option<SessionId>,
        capabilities: &ClientCapabilities,
        version: Option<ProtocolVersion>,
    ) -> Result<Arc<Instance>> {
        let launched = self.launcher.launch(ctx, slot, body, session.clone()).await?;
        let redaction = Arc::new(launched.redaction);
        let events =
            Arc::new(Events::new(&self.this, slot, session.clone(), capabilities.clone(), Arc::clone(&redaction)));
        let peer = Arc::new(Peer::new(launched.running.connection, Arc::clone(&events) as _));
        let remembered = slot.lock().filter(|lock| lock.identity == launched.identity.value);
        let remembered = remembered.and_then(|lock| ProtocolVersion::from_date(lock.protocol.as_deref()?));
        let remembered = version.or(remembered);
        let greeting = Greeting::new(body.settings.limits.start_timeout)
            .with_capabilities(capabilities.clone())
            .with_remembered(remembered);
        let id = launched.running.id;
        let hello = match peer.greet(ctx, &greeting).await {
            Ok(hello) => hello,
            Err(error) => {
                peer.close().await;
                // The first error is the one to report; what stays is swept at the next start.
                let _ = launched.runtime.stop(&id).await;
                return Err(redaction.cut_out_of(error));
            }
        };
        let instance = Arc::new(Instance {
            id,
            peer,
            capabilities: capabilities.clone(),
            was_told: AtomicBool::new(false),
            asks_for: AtomicBool::new(false),
            log_level: std::sync::Mutex::default(),
            listening: tokio::sync::Mutex::default(),
            hello,
            runtime: launched.runtime,
            identity: launched.identity.value.clone(),
            image: launched.image,
            session: session.clone(),
            started: Instant::now(),
            usage: Usage::new(),
            redaction,
            _counted: self.metrics.running_server(),
        });
        let level = session.as_ref().and_then(|session| self.sessions.log_level(session));
        if let Some(level) = level {
            self.apply_log_level(ctx, &instance, level).await;
        }
        // Before its first request: what it offers now may be something else than what was accepted.
        if let Err(error) = self.record(ctx, slot, body, &instance, launched.identity.digest).await {
            instance.stop().await;
            return Err(error);
        }
        // Only now, so that nothing that a client tells it is in what is recorded for all.
        events.attach(&instance);
        Ok(instance)
    }
}
