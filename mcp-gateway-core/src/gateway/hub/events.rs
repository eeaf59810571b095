//! What servers send by themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Hub;
use super::asking::Asked;
use super::instance::Instance;
use super::slot::{Place, Slot};
use crate::gateway::redact::{Carry, Redaction};
use crate::model::{LogLevel, SessionId};
use crate::protocol::{ClientCapabilities, ClientLink, ListKind, RawJson, RpcError};
use crate::transport::client::{Caller, Cause, ServerEvents};

/// How long a question that comes before any request waits for one: some servers ask as soon as they are ready.
const CALLER_WAIT: Duration = Duration::from_secs(10);

/// How long further changes are waited for once there is one.
const SETTLE: Duration = Duration::from_millis(20);

/// Receives what one running server sends by itself.
#[derive(Debug)]
pub(crate) struct Events {
    hub: Weak<Hub>,
    slot: Weak<Slot>,
    session: Option<SessionId>,
    /// What the server was told that its client can do.
    capabilities: ClientCapabilities,
    redaction: Arc<Redaction>,
    /// What its log has said last.
    said: Carry,
    instance: OnceLock<Weak<Instance>>,
    refreshing: Arc<AtomicBool>,
    /// Fires once it is said which running server this is.
    attached: CancellationToken,
    /// Whether a change was told before that.
    was_early: AtomicBool,
}

impl Events {
    pub(crate) fn new(
        hub: &Weak<Hub>,
        slot: &Arc<Slot>,
        session: Option<SessionId>,
        capabilities: ClientCapabilities,
        redaction: Arc<Redaction>,
    ) -> Self {
        Self {
            hub: Weak::clone(hub),
            slot: Arc::downgrade(slot),
            session,
            capabilities,
            redaction,
            said: Carry::default(),
            instance: OnceLock::new(),
            refreshing: Arc::default(),
            attached: CancellationToken::new(),
            was_early: AtomicBool::new(false),
        }
    }

    /// Says which running server this is, once it is ready and what it offers is known.
    pub(crate) fn attach(&self, instance: &Arc<Instance>) {
        // Attached once; a second time would be the same instance.
        let _ = self.instance.set(Arc::downgrade(instance));
        self.attached.cancel();
        if self.was_early.load(Ordering::Acquire) {
            self.refresh();
        }
    }

    fn instance(&self) -> Option<Arc<Instance>> {
        self.instance.get().and_then(Weak::upgrade)
    }

    /// Looks at the server's lists again; changes that come meanwhile are seen by the same look or one more.
    fn refresh(&self) {
        self.was_early.store(true, Ordering::Release);
        let (Some(hub), Some(instance)) = (self.hub.upgrade(), self.instance()) else { return };
        // A server that was taken out while it still runs has nothing to say about one of its name.
        let Some(slot) = self.slot.upgrade().filter(|slot| hub.holds(slot)) else { return };
        if !self.refreshing.swap(true, Ordering::AcqRel) {
            let refreshing = Arc::clone(&self.refreshing);
            hub.tasks.clone().spawn(async move {
                // Many changes in a row are seen by one look.
                tokio::time::sleep(SETTLE).await;
                refreshing.store(false, Ordering::Release);
                hub.refresh(&slot, &instance).await;
            });
        }
    }

    /// Whom the server asks: who waits for its answer, else the client whose server it is.
    async fn asked(&self, hub: &Hub, cause: Cause) -> Option<(Arc<Caller>, Arc<dyn ClientLink>)> {
        let with_link = |caller: Arc<Caller>| {
            let link = caller.link.clone().filter(|_| caller.can_be_asked)?;
            Some((caller, link))
        };
        if let Some(asked) = cause.caller.and_then(with_link) {
            return Some(asked);
        }
        let own = self.session.as_ref().and_then(|session| Some((session, hub.sessions.link(session)?)));
        if let Some((session, link)) = own {
            let mut caller = Caller::new(hub.sessions.principal(session).unwrap_or_else(|| "local".into()));
            caller.capabilities = self.capabilities.clone();
            return Some((Arc::new(caller), link));
        }
        let instance = self.instance()?;
        let caller = tokio::time::timeout(CALLER_WAIT, instance.peer.next_caller()).await.ok()??;
        with_link(caller)
    }

    async fn log(&self, hub: &Hub, params: Option<RawJson>, cause: Cause) {
        let params = params.map(|params| self.redaction.part(params, "data", &self.said));
        let level = params.as_ref().and_then(|params| params.object().ok()).and_then(|params| params.text("level"));
        let level = level.and_then(|level| LogLevel::from_name(&level)).unwrap_or(LogLevel::Emergency);
        let own = self.session.as_ref().and_then(|session| Some((session, hub.sessions.link(session)?)));
        let told = match own {
            Some((session, link)) => hub.sessions.log_level(session).is_none_or(|least| level >= least).then_some(link),
            // Several clients share the server: what cannot be told to be for one of them is for none.
            None => {
                let is_theirs = cause.is_certain || (cause.is_only && self.session.is_some());
                cause
                    .caller
                    .filter(|caller| is_theirs && caller.log_level.is_some_and(|least| level >= least))
                    .and_then(|caller| caller.link.clone())
            }
        };
        if let Some(link) = told {
            // A client that does not keep up loses notifications, never answers.
            let _ = link.notify("notifications/message", params).await;
        }
    }
}

#[async_trait]
impl ServerEvents for Events {
    async fn request(&self, method: String, params: Option<RawJson>, cause: Cause) -> Result<RawJson, RpcError> {
        if method == "ping" {
            return Ok(RawJson::empty_object());
        }
        let refused = || RpcError::method_not_found(&method);
        let shown = params.as_ref().and_then(|params| params.read().ok()).unwrap_or_default();
        if !self.capabilities.can_answer(&method, &shown) {
            return Err(refused());
        }
        let (Some(hub), Some(slot)) = (self.hub.upgrade(), self.slot.upgrade()) else { return Err(refused()) };
        // What it offers is read first: a client's answer may change it, and others would then see what is that client's.
        if tokio::time::timeout(CALLER_WAIT, self.attached.cancelled()).await.is_err() {
            return Err(refused());
        }
        let Some((caller, link)) = self.asked(&hub, cause).await else { return Err(refused()) };
        let asked = Asked {
            server: &slot.name,
            session: self.session.as_ref(),
            redaction: &self.redaction,
            caller: &caller,
            link: &link,
        };
        if let Some(instance) = self.instance() {
            instance.was_told.store(true, Ordering::Release);
        }
        hub.ask(&asked, &method, params).await
    }

    async fn notification(&self, method: String, params: Option<RawJson>, cause: Cause) {
        if ListKind::ALL.iter().any(|kind| kind.changed() == method) {
            self.refresh();
            return;
        }
        let Some(hub) = self.hub.upgrade() else { return };
        match method.as_str() {
            "notifications/message" => self.log(&hub, params, cause).await,
            "notifications/resources/updated" => {
                let Some(slot) = self.slot.upgrade() else { return };
                let place = self.session.clone().map_or(Place::Shared, Place::Session);
                hub.subscriptions.tell(slot.number, &place, params.map(|params| self.redaction.json(params))).await;
            }
            "notifications/elicitation/complete" | "notifications/tasks/status" => {
                let own = self.session.as_ref().and_then(|session| hub.sessions.link(session));
                if let Some(link) = own {
                    // A client that does not keep up loses notifications, never answers.
                    let _ = link.notify(&method, params.map(|params| self.redaction.json(params))).await;
                }
            }
            _ => tracing::debug!(method, "notification of a server is not known and goes nowhere"),
        }
    }
}
