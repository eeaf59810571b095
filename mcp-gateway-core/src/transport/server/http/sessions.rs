//! The sessions of HTTP clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::event_log::EventLog;
use super::log_link::LogLink;
use super::session::HttpSession;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, SessionId};
use crate::transport::server::SessionHost;

/// All sessions of one server.
#[derive(Debug)]
pub(super) struct HttpSessions {
    table: Mutex<Table>,
    places: Arc<Semaphore>,
    idle: Duration,
    /// The requests under way.
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<SessionId, Arc<HttpSession>>,
    closed: bool,
}

impl HttpSessions {
    pub(super) fn new(bound: usize, idle: Duration) -> Self {
        let places = Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS)));
        Self { table: Mutex::default(), places, idle, tasks: TaskTracker::new() }
    }

    /// Opens a session at a host; it is not found by its id before it is [inserted](Self::insert).
    ///
    /// # Errors
    /// `Overloaded` when there is no room for one more, `Closed` when the server is ending, and what the host says.
    pub(super) async fn open(
        &self,
        host: &dyn SessionHost,
        principal: Principal,
        profile: &str,
    ) -> Result<Arc<HttpSession>> {
        if self.locked().closed {
            return Err(is_ending());
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::Overloaded, "too many sessions are open").with_hint("end sessions that are not used")
        })?;
        let own = LogLink { log: Arc::new(EventLog::new(0)), pending: Arc::default() };
        let session = host.open(principal.clone(), Some(Arc::new(own.clone()))).await?;
        Ok(HttpSession::new(session, (principal, profile), own, place, self.tasks.clone()))
    }

    /// Lets clients find a session.
    ///
    /// # Errors
    /// `Closed` when the server is ending.
    pub(super) fn insert(&self, session: &Arc<HttpSession>) -> Result<()> {
        let mut table = self.locked();
        if table.closed {
            return Err(is_ending());
        }
        table.open.insert(session.get().id().clone(), Arc::clone(session));
        Ok(())
    }

    /// The session with this id, for the one who opened it; to anyone else it does not exist.
    pub(super) fn find(&self, id: &str, principal: &Principal, profile: &str) -> Option<Arc<HttpSession>> {
        let table = self.locked();
        table.open.get(id).filter(|session| session.belongs_to(principal, profile)).cloned()
    }

    pub(super) fn remove(&self, id: &SessionId) -> Option<Arc<HttpSession>> {
        self.locked().open.remove(id)
    }

    /// Ends the sessions that nobody has used for too long.
    pub(super) async fn sweep(&self) {
        let expired: Vec<_> = {
            let mut table = self.locked();
            table.open.extract_if(|_, session| session.is_idle_for(self.idle)).collect()
        };
        join_all(expired.iter().map(|(_, session)| session.close())).await;
    }

    /// Ends what has no end of its own.
    pub(super) async fn wind_down(&self) {
        let open: Vec<_> = self.locked().open.values().cloned().collect();
        join_all(open.iter().map(|session| session.get().wind_down())).await;
    }

    /// Waits for the requests under way.
    pub(super) async fn wait_for_requests(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends every session, and takes no more.
    pub(super) async fn end(&self) {
        let open = {
            let mut table = self.locked();
            table.closed = true;
            std::mem::take(&mut table.open)
        };
        join_all(open.values().map(|session| session.close())).await;
    }

    fn locked(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_ending() -> Error {
    Error::new(ErrorKind::Closed, "server is ending")
}
