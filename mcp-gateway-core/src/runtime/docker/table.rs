//! The containers that this runtime looks after.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use crate::model::InstanceId;
use crate::runtime::InstanceStatus;

/// The containers that this runtime looks after, by their id.
#[derive(Debug, Default)]
pub(super) struct Table {
    held: Mutex<HashMap<InstanceId, Arc<Held>>>,
}

/// A container that this runtime looks after.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Asks its keeper to end it.
    pub(super) stop: CancellationToken,
    /// Says that it is removed.
    pub(super) gone: CancellationToken,
    paused: AtomicBool,
    /// Its way to listed hosts, closed when it is looked after no longer.
    exit: Option<Exit>,
}

impl Held {
    /// Whether it is frozen, so that it will not end by itself.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }
}

impl Table {
    pub(super) fn insert(&self, id: InstanceId, exit: Option<Exit>) -> Arc<Held> {
        let held = Arc::new(Held { exit, ..Held::default() });
        self.locked().insert(id, Arc::clone(&held));
        held
    }

    pub(super) fn get(&self, id: &InstanceId) -> Option<Arc<Held>> {
        self.locked().get(id).cloned()
    }

    /// Adds what went through the exits of the containers of a list.
    pub(super) fn fill(&self, statuses: &mut [InstanceStatus]) {
        for status in statuses {
            if let Some((sent, received)) = self.get(&status.id).and_then(|held| Some(held.exit.as_ref()?.bytes())) {
                (status.network_sent_bytes, status.network_received_bytes) = (Some(sent), Some(received));
            }
        }
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        self.locked().remove(id);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
