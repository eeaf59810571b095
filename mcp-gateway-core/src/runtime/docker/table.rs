//! The containers that this runtime looks after.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::model::InstanceId;

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
    pub(super) fn insert(&self, id: InstanceId) -> Arc<Held> {
        let held = Arc::<Held>::default();
        self.locked().insert(id, Arc::clone(&held));
        held
    }

    pub(super) fn get(&self, id: &InstanceId) -> Option<Arc<Held>> {
        self.locked().get(id).cloned()
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        self.locked().remove(id);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
