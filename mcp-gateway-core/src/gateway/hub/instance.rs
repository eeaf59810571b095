//! One running server with its handshake done.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::gateway::redact::Redaction;
use crate::model::{InstanceId, LogLevel, SessionId};
use crate::protocol::{ClientCapabilities, ServerHello};
use crate::runtime::Runtime;
use crate::telemetry::GaugeGuard;
use crate::transport::client::{Listening, Peer};

/// How long the connection may take to end before what runs behind it is stopped all the same.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A server that is ready for requests.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) peer: Arc<Peer>,
    /// What the server was told that its client can do.
    pub(crate) capabilities: ClientCapabilities,
    /// Whether its client has answered it something, so that what it offers may be for that client alone.
    pub(crate) was_told: AtomicBool,
    /// Whether it works for a client of which it cannot tell the questions from another's.
    pub(crate) asks_for: AtomicBool,
    /// The level that a server with sessions was set to.
    pub(crate) log_level: Mutex<Option<LogLevel>>,
    /// What is listened for at a server without sessions.
    pub(crate) listening: tokio::sync::Mutex<Option<Listening>>,
    pub(crate) hello: ServerHello,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) identity: String,
    /// What it runs from.
    pub(crate) image: String,
    pub(crate) session: Option<SessionId>,
    pub(crate) started: Instant,
    /// Cuts the server's secrets out of what it answers.
    pub(crate) redaction: Arc<Redaction>,
    pub(crate) usage: Usage,
    /// Counts among the running servers for as long as this lives.
    pub(crate) _counted: GaugeGuard,
}

/// Keeps a server in use for as long as it lives: one that is subscribed to, or carries out a task, is not idle.
#[derive(Debug)]
pub(super) struct InUse(pub(super) Arc<Instance>);

impl InUse {
    pub(super) fn new(instance: &Arc<Instance>) -> Self {
        instance.enter();
        Self(Arc::clone(instance))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Who uses a server, and when it was last used.
#[derive(Debug)]
pub(crate) struct Usage {
    in_flight: AtomicUsize,
    last_used: Mutex<Instant>,
}

impl Usage {
    pub(crate) fn new() -> Self {
        Self { in_flight: AtomicUsize::new(0), last_used: Mutex::new(Instant::now()) }
    }
}

impl Instance {
    /// Counts a user; the reaper leaves an instance with users alone.
    pub(crate) fn enter(&self) {
        self.usage.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a user out.
    pub(crate) fn leave(&self) {
        *self.usage.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.usage.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether nobody has used it for so long.
    pub(crate) fn is_idle(&self, limit: Duration) -> bool {
        self.usage.in_flight.load(Ordering::Acquire) == 0
            && self.usage.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= limit
    }

    /// Takes note of the level that a server is set to; says whether that is news to it.
    ///
    /// A server of one session is set to what the session says; one that several share keeps the lowest.
    pub(crate) fn lower_to(&self, level: LogLevel) -> bool {
        let mut current = self.log_level.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = current.is_none_or(|set| if self.session.is_some() { set != level } else { level < set });
        if is_news {
            *current = Some(level);
        }
        is_news
    }

    /// Ends the connection and what runs behind it.
    pub(crate) async fn stop(&self) {
        if tokio::time::timeout(CLOSE_LIMIT, self.peer.close()).await.is_err() {
            tracing::debug!(instance = %self.id, "server does not take its end of input");
        }
        if let Err(error) = self.runtime.stop(&self.id).await {
            tracing::warn!(instance = %self.id, error = %error.report(), "server could not be stopped; the next start sweeps it");
        }
    }
}
