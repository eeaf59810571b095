//! One HTTP client's session: its streams, its requests, and whether anyone uses it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::event_log::{EventLog, MAX_BYTES};
use super::log_link::LogLink;
use crate::error::{Error, ErrorKind};
use crate::model::Principal;
use crate::protocol::ProtocolVersion;
use crate::transport::PendingRequests;
use crate::transport::server::ServerSession;
use crate::transport::server::in_flight::InFlight;
use crate::transport::server::owned::OwnedSession;

/// How many requests of one session may be under way.
pub(super) const MAX_IN_FLIGHT: usize = 128;

/// How many streams of answered requests a session keeps for a client that lost its connection.
const KEPT_STREAMS: usize = 16;

/// One client's session; closed when it is dropped.
#[derive(Debug)]
pub(super) struct HttpSession {
    session: OwnedSession,
    principal: Principal,
    /// Where the session was opened: another profile's address does not know it.
    profile: String,
    /// The way to the client for what belongs to no request.
    own: LogLink,
    pub(super) in_flight: Arc<InFlight>,
    /// The requests under way, of all sessions.
    pub(super) tasks: TaskTracker,
    /// The version that the handshake settled on.
    version: Mutex<Option<ProtocolVersion>>,
    streams: Mutex<Vec<Arc<EventLog>>>,
    next_stream: AtomicU64,
    /// Open connections and requests; while there is one, the session does not expire.
    users: AtomicUsize,
    last_used: Mutex<Instant>,
    /// The session's place among those that may be open.
    place: Mutex<Option<OwnedSemaphorePermit>>,
    ended: CancellationToken,
}

impl HttpSession {
    pub(super) fn new(
        session: Arc<dyn ServerSession>,
        (principal, profile): (Principal, &str),
        own: LogLink,
        place: OwnedSemaphorePermit,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            session: OwnedSession::new(session),
            principal,
            profile: profile.to_owned(),
            own,
            in_flight: InFlight::new(MAX_IN_FLIGHT),
            tasks,
            version: Mutex::default(),
            streams: Mutex::default(),
            next_stream: AtomicU64::new(1),
            users: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
            place: Mutex::new(Some(place)),
            ended: CancellationToken::new(),
        })
    }

    /// The session itself.
    pub(super) fn get(&self) -> &Arc<dyn ServerSession> {
        self.session.get()
    }

    /// The stream of what belongs to no request.
    pub(super) fn log(&self) -> &Arc<EventLog> {
        &self.own.log
    }

    /// Requests to the client that wait for their answers.
    pub(super) fn pending(&self) -> &PendingRequests {
        &self.own.pending
    }

    /// The way to the client over one of its streams.
    pub(super) fn link(&self, log: &Arc<EventLog>) -> LogLink {
        LogLink { log: Arc::clone(log), pending: Arc::clone(&self.own.pending) }
    }

    pub(super) fn belongs_to(&self, principal: &Principal, profile: &str) -> bool {
        self.principal == *principal && self.profile == profile
    }

    /// A new stream for one request, kept for a while after it has ended.
    pub(super) fn new_stream(&self) -> Arc<EventLog> {
        let log = Arc::new(EventLog::new(self.next_stream.fetch_add(1, Ordering::Relaxed)));
        let mut streams = lock(&self.streams);
        let ended = |streams: &[Arc<EventLog>]| streams.iter().position(|stream| stream.is_done());
        let bytes = |streams: &[Arc<EventLog>]| streams.iter().map(|stream| stream.bytes()).sum::<usize>();
        while let Some(oldest) = ended(&streams)
            && (streams.len() >= KEPT_STREAMS || bytes(&streams) > MAX_BYTES)
        {
            streams.remove(oldest);
        }
        streams.push(Arc::clone(&log));
        log
    }

    /// Forgets the stream of a request whose answer was handed over whole.
    pub(super) fn forget_stream(&self, log: &Arc<EventLog>) {
        lock(&self.streams).retain(|stream| !Arc::ptr_eq(stream, log));
    }

    /// The stream with this id.
    pub(super) fn stream(&self, id: u64) -> Option<Arc<EventLog>> {
        if id == self.log().id {
            return Some(Arc::clone(self.log()));
        }
        lock(&self.streams).iter().find(|stream| stream.id == id).cloned()
    }

    pub(super) fn set_version(&self, version: Option<ProtocolVersion>) {
        *lock(&self.version) = version;
    }

    pub(super) fn has_batches(&self) -> bool {
        lock(&self.version).is_some_and(ProtocolVersion::has_batches)
    }

    /// Counts a user of the session.
    pub(super) fn enter(self: &Arc<Self>) -> SessionUse {
        self.users.fetch_add(1, Ordering::AcqRel);
        SessionUse(Arc::clone(self))
    }

    pub(super) fn is_idle_for(&self, idle: Duration) -> bool {
        self.users.load(Ordering::Acquire) == 0 && lock(&self.last_used).elapsed() >= idle
    }

    /// Ends the session with its requests and streams.
    pub(super) async fn close(&self) {
        self.pending().close(&Error::new(ErrorKind::Closed, "the session has ended"));
        self.get().close().await;
        self.ended.cancel();
        self.log().finish();
        for stream in lock(&self.streams).drain(..) {
            stream.finish();
        }
        drop(lock(&self.place).take());
    }

    /// Waits until the session has ended.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// A connection or request that uses a session.
#[derive(Debug)]
pub(super) struct SessionUse(Arc<HttpSession>);

impl Drop for SessionUse {
    fn drop(&mut self) {
        *lock(&self.0.last_used) = Instant::now();
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
