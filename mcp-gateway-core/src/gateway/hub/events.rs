//! What servers send by themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;

use super::Hub;
use super::instance::Instance;
use super::slot::Slot;
use crate::gateway::redact::Redaction;
use crate::model::SessionId;
use crate::protocol::{ListKind, RawJson, RpcError};
use crate::transport::client::ServerEvents;

/// Receives what one running server sends by itself.
///
/// The gateway declares no client capabilities to servers, so their requests to a client are refused.
#[derive(Debug)]
pub(crate) struct Events {
    hub: Weak<Hub>,
    slot: Weak<Slot>,
    session: Option<SessionId>,
    redaction: Arc<Redaction>,
    instance: OnceLock<Weak<Instance>>,
    refreshing: Arc<AtomicBool>,
}

impl Events {
    pub(crate) fn new(
        hub: &Weak<Hub>,
        slot: &Arc<Slot>,
        session: Option<SessionId>,
        redaction: Arc<Redaction>,
    ) -> Self {
        Self {
            hub: Weak::clone(hub),
            slot: Arc::downgrade(slot),
            session,
            redaction,
            instance: OnceLock::new(),
            refreshing: Arc::default(),
        }
    }

    /// Says which running server this is, once it is ready.
    pub(crate) fn attach(&self, instance: &Arc<Instance>) {
        // Attached once; a second time would be the same instance.
        let _ = self.instance.set(Arc::downgrade(instance));
    }

    /// Looks at the server's lists again; changes that come meanwhile are seen by the same look or one more.
    fn refresh(&self) {
        let instance = self.instance.get().and_then(Weak::upgrade);
        let (Some(hub), Some(instance)) = (self.hub.upgrade(), instance) else { return };
        // A server that was taken out while it still runs has nothing to say about one of its name.
        let Some(slot) = self.slot.upgrade().filter(|slot| hub.holds(slot)) else { return };
        if !self.refreshing.swap(true, Ordering::AcqRel) {
            let refreshing = Arc::clone(&self.refreshing);
            hub.tasks.clone().spawn(async move {
                refreshing.store(false, Ordering::Release);
                hub.refresh(&slot, &instance).await;
            });
        }
    }
}

#[async_trait]
impl ServerEvents for Events {
    async fn request(&self, method: String, _params: Option<RawJson>) -> Result<RawJson, RpcError> {
        match method.as_str() {
            "ping" => Ok(RawJson::empty_object()),
            _ => Err(RpcError::method_not_found(&method)),
        }
    }

    async fn notification(&self, method: String, params: Option<RawJson>) {
        if ListKind::ALL.iter().any(|kind| kind.changed() == method) {
            self.refresh();
            return;
        }
        let forwarded = matches!(method.as_str(), "notifications/message" | "notifications/resources/updated");
        let (Some(hub), Some(session), true) = (self.hub.upgrade(), &self.session, forwarded) else { return };
        if let Some(link) = hub.sessions.link(session) {
            // A client that does not keep up loses notifications, never answers.
            let _ = link.notify(&method, params.map(|params| self.redaction.json(params))).await;
        }
    }
}
