//! Listening to a server of the stateless era.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Peer, PeerRequest};
use crate::error::Result;
use crate::model::CallContext;
use crate::protocol::stateless::{LISTEN, ListenFilter, subscription_of};
use crate::protocol::{Message, RawJson};

/// How long to wait before listening again, after so many ends in a row.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// A listening that lasted so long was a good one.
const CALM: Duration = Duration::from_secs(30);

/// Longer than any connection lasts.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The listenings that were not acknowledged yet.
#[derive(Debug, Default)]
pub(super) struct Acknowledged(Mutex<HashMap<u64, oneshot::Sender<()>>>);

/// A place among them; dropping it gives the place up.
pub(super) struct Waiting<'a>(&'a Acknowledged, u64);

impl Acknowledged {
    pub(super) fn enter(&self, id: u64, acknowledged: Option<oneshot::Sender<()>>) -> Option<Waiting<'_>> {
        self.locked().insert(id, acknowledged?);
        Some(Waiting(self, id))
    }

    pub(super) fn acknowledge(&self, params: Option<RawJson>) {
        let id =
            params.and_then(|params| params.object().ok()).and_then(|params| subscription_of(&params)?.as_number());
        if let Some(waiting) = id.and_then(|id| self.locked().remove(&id)) {
            // Whoever does not wait any more does not need to know.
            let _ = waiting.send(());
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.locked().remove(&self.1);
    }
}

/// A listening under way; it ends when this is dropped.
#[derive(Debug)]
pub struct Listening {
    _task: AbortOnDropHandle<()>,
}

impl Peer {
    /// Listens for what a filter names, and again when the listening ends, until the connection does.
    ///
    /// What is heard goes to the connection's events. The receiver hears when the server has acknowledged for the first
    /// time, or refuses. A server that refuses is left alone.
    pub fn listen(self: &Arc<Self>, filter: ListenFilter) -> (Listening, oneshot::Receiver<()>) {
        let peer = Arc::downgrade(self);
        let (acknowledged, heard) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut failures = 0;
            let mut acknowledged = Some(acknowledged);
            loop {
                let begun = tokio::time::Instant::now();
                let Some(peer) = peer.upgrade() else { return };
                let closed = peer.shared.closed.clone();
                match peer.listen_once(&filter, acknowledged.take()).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return,
                }
                drop(peer);
                failures = if begun.elapsed() >= CALM { 0 } else { failures + 1 };
                let pause = PAUSES[failures.min(PAUSES.len() - 1)];
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = closed.cancelled() => return,
                }
            }
        });
        (Listening { _task: AbortOnDropHandle::new(task) }, heard)
    }

    /// Listens until the server ends it; says whether it may be asked again.
    async fn listen_once(&self, filter: &ListenFilter, acknowledged: Option<oneshot::Sender<()>>) -> Result<bool> {
        // A listening has no time limit: it is bounded by the connection and by whoever holds it.
        let mut request = PeerRequest::new(LISTEN, filter.to_params()?, FOREVER);
        request.acknowledged = acknowledged;
        let ctx = CallContext::local().with_cancellation(CancellationToken::new());
        match self.request(&ctx, request).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => {
                tracing::debug!(error = %error.message, "server does not let itself be listened to");
                Ok(false)
            }
            Err(_) if self.is_closed() => Ok(false),
            Err(error) => {
                tracing::debug!(error = %error.report(), "listening broke");
                Ok(true)
            }
        }
    }

    /// The notification that takes a request back.
    pub(super) fn cancelled(id: u64) -> Option<Message> {
        let params = serde_json::json!({"requestId": id, "reason": "the caller gave up"});
        let params = RawJson::from_value(&params).ok()?;
        Some(Message::notification("notifications/cancelled", Some(params)))
    }
}
