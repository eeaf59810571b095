//! The callers whose requests are under way at a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::events::{Caller, Cause};
use crate::protocol::RequestId;

/// The callers, the latest last.
#[derive(Debug, Default)]
pub(super) struct Callers {
    calling: Mutex<Vec<(u64, Arc<Caller>)>>,
    entered: Notify,
}

/// A caller's place; dropping it gives the place up.
pub(super) struct Calling<'a> {
    callers: &'a Callers,
    id: u64,
}

impl Callers {
    pub(super) fn enter(&self, id: u64, caller: Option<&Arc<Caller>>) -> Option<Calling<'_>> {
        let caller = Arc::clone(caller?);
        self.locked().push((id, caller));
        self.entered.notify_waiters();
        Some(Calling { callers: self, id })
    }

    /// The latest caller who can be asked something, once there is one.
    pub(super) async fn next(&self) -> Arc<Caller> {
        loop {
            let entered = self.entered.notified();
            tokio::pin!(entered);
            // Registered before the look, so that no caller is missed.
            entered.as_mut().enable();
            let latest =
                self.locked().iter().rev().find(|(_, caller)| caller.can_be_asked && caller.link.is_some()).cloned();
            if let Some((_, caller)) = latest {
                return caller;
            }
            entered.await;
        }
    }

    /// Whose request something belongs to: the one on whose stream it came, else the latest in which a server may ask.
    pub(super) fn cause(&self, origin: Option<&RequestId>) -> Cause {
        let callers = self.locked();
        match origin.and_then(RequestId::as_number) {
            Some(id) => {
                let caller = callers.iter().find(|(calling, _)| *calling == id).map(|(_, caller)| Arc::clone(caller));
                Cause { is_certain: caller.is_some(), is_only: callers.len() == 1, caller }
            }
            None => {
                let asked = callers.iter().rev().find(|(_, caller)| caller.can_be_asked && caller.link.is_some());
                let latest = asked.or_else(|| callers.last()).map(|(_, caller)| Arc::clone(caller));
                Cause { caller: latest, is_certain: false, is_only: callers.len() == 1 }
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<(u64, Arc<Caller>)>> {
        self.calling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.callers.locked().retain(|(id, _)| *id != self.id);
    }
}
