//! The gateway's sessions for requests that stand alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Gateway, SessionOptions};
use crate::model::{Principal, SessionId};
use crate::protocol::ClientCapabilities;

/// How many kinds of client one principal may be at the same time.
const MAX_KINDS: usize = 32;

/// The sessions, by what the client can do; requests of one kind share a session, and so the servers behind it.
#[derive(Debug)]
pub(super) struct Lanes {
    gateway: Arc<dyn Gateway>,
    principal: Principal,
    kinds: Mutex<Kinds>,
}

#[derive(Debug, Default)]
struct Kinds {
    /// The least recently used first.
    open: IndexMap<ClientCapabilities, Arc<Lane>>,
    closed: bool,
}

#[derive(Debug)]
struct Lane {
    session: SessionId,
    users: AtomicUsize,
}

/// A request's use of a session.
#[derive(Debug)]
pub(super) struct InLane(Arc<Lane>);

impl Lanes {
    pub(super) fn new(gateway: Arc<dyn Gateway>, principal: Principal) -> Self {
        Self { gateway, principal, kinds: Mutex::default() }
    }

    /// A session for a request of a client that can do this.
    ///
    /// # Errors
    /// `Overloaded` when there are too many, `Closed` once they have ended, and what opening a session says.
    pub(super) async fn enter(&self, capabilities: &ClientCapabilities) -> Result<InLane> {
        let mut kinds = self.kinds.lock().await;
        if kinds.closed {
            return Err(Error::new(ErrorKind::Closed, "the client's session has ended"));
        }
        if let Some(at) = kinds.open.get_index_of(capabilities) {
            let last = kinds.open.len() - 1;
            kinds.open.move_index(at, last);
            return Ok(InLane::new(&kinds.open[last]));
        }
        if kinds.open.len() >= MAX_KINDS {
            let idle = kinds.open.values().position(|lane| lane.users.load(Ordering::Acquire) == 0);
            let idle = idle.and_then(|at| kinds.open.shift_remove_index(at)).ok_or_else(|| {
                let why = format!("{MAX_KINDS} kinds of client come as one principal already");
                Error::new(ErrorKind::Overloaded, why).retry_later()
            })?;
            self.gateway.close_session(&idle.1.session).await;
        }
        let options =
            SessionOptions::new().with_capabilities(capabilities.clone()).with_principal(self.principal.clone());
        let session = self.gateway.open_session(options).await?;
        let lane = Arc::new(Lane { session, users: AtomicUsize::new(0) });
        kinds.open.insert(capabilities.clone(), Arc::clone(&lane));
        Ok(InLane::new(&lane))
    }

    /// Ends every session, and opens no more.
    pub(super) async fn close(&self) {
        let open = {
            let mut kinds = self.kinds.lock().await;
            kinds.closed = true;
            std::mem::take(&mut kinds.open)
        };
        for lane in open.into_values() {
            self.gateway.close_session(&lane.session).await;
        }
    }
}

impl InLane {
    fn new(lane: &Arc<Lane>) -> Self {
        lane.users.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(lane))
    }

    pub(super) fn session(&self) -> &SessionId {
        &self.0.session
    }
}

impl Drop for InLane {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}
