//! The sessions of HTTP clients.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::event_log::EventLog;
use super::log_link::LogLink;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, SessionId};
use crate::protocol::ProtocolVersion;
use crate::transport::PendingRequests;
use crate::transport::server::{ServerSession, SessionHost};

/// How many streams of answered requests a session keeps for a client that lost its connection.
const KEPT_STREAMS: usize = 16;

/// One client's session.
#[derive(Debug)]
pub(super) struct HttpSession {
    pub(super) session: Arc<dyn ServerSession>,
    pub(super) principal: Principal,
    /// Where the session was opened: another profile's address does not know it.
    pub(super) profile: String,
    pub(super) pending: Arc<PendingRequests>,
    /// The stream of what belongs to no request.
    pub(super) log: Arc<EventLog>,
    /// The version that the handshake settled on.
    version: RwLock<Option<ProtocolVersion>>,
    streams: Mutex<Vec<Arc<EventLog>>>,
    next_stream: AtomicU64,
    pub(super) in_flight: AtomicUsize,
    /// Open connections and requests; while there is one, the session does not expire.
    open: AtomicUsize,
    last_used: Mutex<Instant>,
}

impl HttpSession {
    /// Opens a session at a host.
    pub(super) async fn open(host: &dyn SessionHost, principal: Principal, profile: &str) -> Result<Arc<Self>> {
        let log = Arc::new(EventLog::new(0));
        let pending = Arc::<PendingRequests>::default();
        let link = LogLink { log: Arc::clone(&log), pending: Arc::clone(&pending) };
        let session = host.open(principal.clone(), Arc::new(link)).await?;
        Ok(Arc::new(Self {
            session,
            principal,
            profile: profile.to_owned(),
            pending,
            log,
            version: RwLock::default(),
            streams: Mutex::default(),
            next_stream: AtomicU64::new(1),
            in_flight: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
        }))
    }

    /// A new stream for one request, kept for a while after it has ended.
    pub(super) fn new_stream(&self) -> Arc<EventLog> {
        let log = Arc::new(EventLog::new(self.next_stream.fetch_add(1, Ordering::Relaxed)));
        let mut streams = lock(&self.streams);
        while streams.len() >= KEPT_STREAMS
            && let Some(ended) = streams.iter().position(|stream| stream.is_done())
        {
            streams.remove(ended);
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
        if id == 0 {
            return Some(Arc::clone(&self.log));
        }
        lock(&self.streams).iter().find(|stream| stream.id == id).cloned()
    }

    pub(super) fn set_version(&self, version: Option<ProtocolVersion>) {
        *self.version.write().unwrap_or_else(PoisonError::into_inner) = version;
    }

    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        *self.version.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a user of the session.
    pub(super) fn enter(self: &Arc<Self>) -> SessionUse {
        self.open.fetch_add(1, Ordering::AcqRel);
        SessionUse(Arc::clone(self))
    }

    pub(super) async fn close(&self) {
        self.pending.close(&Error::new(ErrorKind::Closed, "the session has ended"));
        self.session.close().await;
        self.log.finish();
        for stream in lock(&self.streams).drain(..) {
            stream.finish();
        }
    }

    fn is_expired(&self, idle: Duration) -> bool {
        self.open.load(Ordering::Acquire) == 0 && lock(&self.last_used).elapsed() >= idle
    }
}

/// A connection or request that uses a session.
#[derive(Debug)]
pub(super) struct SessionUse(Arc<HttpSession>);

impl Drop for SessionUse {
    fn drop(&mut self) {
        *lock(&self.0.last_used) = Instant::now();
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// All sessions of one server.
#[derive(Debug)]
pub(super) struct HttpSessions {
    open: RwLock<HashMap<SessionId, Arc<HttpSession>>>,
    bound: usize,
    idle: Duration,
}

impl HttpSessions {
    pub(super) fn new(bound: usize, idle: Duration) -> Self {
        Self { open: RwLock::default(), bound, idle }
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).len() < self.bound
    }

    pub(super) fn insert(&self, session: &Arc<HttpSession>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(session.session.id().clone(), Arc::clone(session));
    }

    /// The session with this id, for the one who opened it; to anyone else it does not exist.
    pub(super) fn find(&self, id: &str, principal: &Principal, profile: &str) -> Option<Arc<HttpSession>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(id).filter(|session| session.principal == *principal && session.profile == profile).cloned()
    }

    pub(super) fn remove(&self, id: &SessionId) -> Option<Arc<HttpSession>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Takes out the sessions that nobody has used for too long.
    pub(super) fn take_expired(&self) -> Vec<Arc<HttpSession>> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let expired: Vec<_> = open.values().filter(|session| session.is_expired(self.idle)).cloned().collect();
        for session in &expired {
            open.remove(session.session.id());
        }
        expired
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().any(|session| session.in_flight.load(Ordering::Acquire) > 0)
    }

    /// Takes out all.
    pub(super) fn take_all(&self) -> Vec<Arc<HttpSession>> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.drain().map(|(_, session)| session).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
