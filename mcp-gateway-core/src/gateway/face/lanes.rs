//! The gateway's sessions for requests that stand alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Gateway, SessionOptions};
use crate::model::SessionId;
use crate::protocol::ClientCapabilities;

/// How many kinds of client one principal may be, and how many calls of one kind may be asked something at once.
const MAX_KINDS: usize = 16;
const MAX_LANES: usize = 8;

/// The sessions, by what the client can do.
///
/// # Behavior
/// - Requests of one kind share a session, and so the servers behind it.
/// - Where several clients come as one principal, a call in which a server may ask has a session for itself: a server
///   with sessions cannot say on whose behalf it asks. One that comes alone always gets the first.
#[derive(Debug)]
pub(super) struct Lanes {
    gateway: Arc<dyn Gateway>,
    are_shared: bool,
    kinds: Mutex<HashMap<ClientCapabilities, Vec<Arc<Lane>>>>,
}

#[derive(Debug)]
pub(super) struct Lane {
    session: SessionId,
    asking: AtomicUsize,
    users: AtomicUsize,
}

/// A request's use of a session.
#[derive(Debug)]
pub(super) struct InLane {
    lane: Arc<Lane>,
    asks: bool,
}

impl Lanes {
    pub(super) fn new(gateway: Arc<dyn Gateway>, are_shared: bool) -> Self {
        Self { gateway, are_shared, kinds: Mutex::default() }
    }

    /// Whether more than one client may be behind these.
    pub(super) fn are_shared(&self) -> bool {
        self.are_shared
    }

    /// A session for a request; `asks` says that a server may ask something in the course of it.
    ///
    /// # Errors
    /// `Overloaded` when there are too many, and what opening a session says.
    pub(super) async fn enter(&self, capabilities: &ClientCapabilities, asks: bool) -> Result<InLane> {
        let asks = asks && self.are_shared;
        let mut kinds = self.kinds.lock().await;
        if !kinds.contains_key(capabilities) && kinds.len() >= MAX_KINDS {
            self.make_room(&mut kinds).await?;
        }
        let lanes = kinds.entry(capabilities.clone()).or_default();
        let free = lanes.iter().find(|lane| !asks || lane.asking.load(Ordering::Acquire) == 0);
        if let Some(lane) = free {
            return Ok(InLane::new(lane, asks));
        }
        if lanes.len() >= MAX_LANES {
            let why = format!("{MAX_LANES} calls in which a server may ask something are under way already");
            return Err(Error::new(ErrorKind::Overloaded, why).retry_later());
        }
        let options = SessionOptions::new().with_capabilities(capabilities.clone());
        let session = self.gateway.open_session(options).await?;
        let lane = Arc::new(Lane { session, asking: AtomicUsize::new(0), users: AtomicUsize::new(0) });
        lanes.push(Arc::clone(&lane));
        Ok(InLane::new(&lane, asks))
    }

    /// Ends every session.
    pub(super) async fn close(&self) {
        let kinds = std::mem::take(&mut *self.kinds.lock().await);
        for lane in kinds.into_values().flatten() {
            self.gateway.close_session(&lane.session).await;
        }
    }

    /// Gives up the sessions of a kind of client that has nothing under way.
    async fn make_room(&self, kinds: &mut HashMap<ClientCapabilities, Vec<Arc<Lane>>>) -> Result<()> {
        let idle = |lanes: &Vec<Arc<Lane>>| lanes.iter().all(|lane| lane.users.load(Ordering::Acquire) == 0);
        let idle = kinds.iter().find(|(_, lanes)| idle(lanes)).map(|(kind, _)| kind.clone());
        let given_up = idle.and_then(|kind| kinds.remove(&kind)).ok_or_else(|| {
            Error::new(ErrorKind::Overloaded, format!("{MAX_KINDS} kinds of client come as one principal"))
                .retry_later()
        })?;
        for lane in given_up {
            self.gateway.close_session(&lane.session).await;
        }
        Ok(())
    }
}

impl InLane {
    fn new(lane: &Arc<Lane>, asks: bool) -> Self {
        lane.users.fetch_add(1, Ordering::AcqRel);
        lane.asking.fetch_add(usize::from(asks), Ordering::AcqRel);
        Self { lane: Arc::clone(lane), asks }
    }

    pub(super) fn session(&self) -> &SessionId {
        &self.lane.session
    }
}

impl Drop for InLane {
    fn drop(&mut self) {
        self.lane.asking.fetch_sub(usize::from(self.asks), Ordering::AcqRel);
        self.lane.users.fetch_sub(1, Ordering::AcqRel);
    }
}
