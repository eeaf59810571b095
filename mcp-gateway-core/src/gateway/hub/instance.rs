//! One running server with its handshake done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{InstanceId, SessionId};
use crate::protocol::ServerHello;
use crate::runtime::Runtime;
use crate::transport::client::Peer;

/// A server that is ready for requests.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) peer: Peer,
    pub(crate) hello: ServerHello,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) identity: String,
    pub(crate) session: Option<SessionId>,
    pub(crate) started: Instant,
    in_flight: AtomicUsize,
    last_used: Mutex<Instant>,
}

impl Instance {
    pub(crate) fn new(
        id: InstanceId,
        peer: Peer,
        hello: ServerHello,
        runtime: Arc<dyn Runtime>,
        identity: String,
        session: Option<SessionId>,
    ) -> Self {
        let now = Instant::now();
        let (in_flight, last_used) = (AtomicUsize::new(0), Mutex::new(now));
        Self { id, peer, hello, runtime, identity, session, started: now, in_flight, last_used }
    }

    /// Counts a user; the reaper leaves an instance with users alone.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a user out.
    pub(crate) fn leave(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether nobody has used it for so long.
    pub(crate) fn is_idle(&self, limit: Duration) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
            && self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= limit
    }

    /// Ends the connection and what runs behind it.
    pub(crate) async fn stop(&self) {
        self.peer.close().await;
        if let Err(error) = self.runtime.stop(&self.id).await {
            tracing::warn!(instance = %self.id, error = %error.report(), "server could not be stopped; the next start sweeps it");
        }
    }
}
