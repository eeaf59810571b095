//! Clients whose requests stand alone, by the principal that they come as.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::face::Face;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Principal;
use crate::transport::server::ServerSession;
use crate::transport::server::owned::OwnedSession;

type Key = (String, Principal);

/// One session for each principal at each profile; it ends when nobody has used it for a while.
#[derive(Debug)]
pub(super) struct Principals {
    table: Mutex<Table>,
    bound: usize,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Key, Arc<Known>>,
    closed: bool,
}

#[derive(Debug)]
struct Known {
    session: OwnedSession,
    users: AtomicUsize,
    last_used: Mutex<Instant>,
}

/// A request's use of its principal's session.
#[derive(Debug)]
pub(super) struct PrincipalUse(Arc<Known>);

impl Principals {
    pub(super) fn new(bound: usize) -> Self {
        Self { table: Mutex::default(), bound }
    }

    /// The session of a principal, begun now if there is none.
    ///
    /// # Errors
    /// `Overloaded` when there are too many, `Closed` when the server is ending, and what the host says.
    pub(super) async fn enter(&self, face: &Face, principal: Principal) -> Result<PrincipalUse> {
        let key = (face.profile.clone(), principal);
        if let Some(known) = self.locked().find(&key, self.bound)? {
            return Ok(known);
        }
        let session = OwnedSession::new(face.host.open(key.1.clone(), None).await?);
        let mut table = self.locked();
        // Another request of the same principal may have been faster; its session counts then.
        if let Some(known) = table.find(&key, self.bound)? {
            return Ok(known);
        }
        let known = Arc::new(Known { session, users: AtomicUsize::new(1), last_used: Mutex::new(Instant::now()) });
        table.open.insert(key, Arc::clone(&known));
        Ok(PrincipalUse(known))
    }

    /// Ends the sessions that nobody has used for too long.
    pub(super) async fn sweep(&self, idle: Duration) {
        let expired: Vec<_> = {
            let mut table = self.locked();
            table.open.extract_if(|_, known| known.is_idle_for(idle)).map(|(_, known)| known).collect()
        };
        join_all(expired.iter().map(|known| known.session.get().close())).await;
    }

    /// Ends what has no end of its own.
    pub(super) async fn wind_down(&self) {
        let open: Vec<_> = self.locked().open.values().cloned().collect();
        join_all(open.iter().map(|known| known.session.get().wind_down())).await;
    }

    /// Ends every session, and takes no more.
    pub(super) async fn end(&self) {
        let open = {
            let mut table = self.locked();
            table.closed = true;
            std::mem::take(&mut table.open)
        };
        join_all(open.values().map(|known| known.session.get().close())).await;
    }

    fn locked(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn find(&self, key: &Key, bound: usize) -> Result<Option<PrincipalUse>> {
        if self.closed {
            return Err(Error::new(ErrorKind::Closed, "server is ending"));
        }
        if let Some(known) = self.open.get(key) {
            // Counted under the lock that the sweep takes too.
            known.users.fetch_add(1, Ordering::AcqRel);
            return Ok(Some(PrincipalUse(Arc::clone(known))));
        }
        if self.open.len() >= bound {
            return Err(Error::new(ErrorKind::Overloaded, "too many principals are served already"));
        }
        Ok(None)
    }
}

impl Known {
    fn is_idle_for(&self, idle: Duration) -> bool {
        let last_used = *self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        self.users.load(Ordering::Acquire) == 0 && last_used.elapsed() >= idle
    }
}

impl PrincipalUse {
    pub(super) fn session(&self) -> &Arc<dyn ServerSession> {
        self.0.session.get()
    }
}

impl Drop for PrincipalUse {
    fn drop(&mut self) {
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}
