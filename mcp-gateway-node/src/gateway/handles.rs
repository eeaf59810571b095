//! Values that JavaScript names by number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by their numbers; a number is given once.
#[derive(Debug)]
pub(crate) struct Handles<T>(Mutex<(u32, HashMap<u32, Arc<T>>)>);

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self(Mutex::new((0, HashMap::new())))
    }
}

impl<T> Handles<T> {
    /// Keeps a value, and gives its number.
    pub(crate) fn add(&self, value: T) -> u32 {
        let (last, held) = &mut *self.locked();
        *last = last.wrapping_add(1);
        held.insert(*last, Arc::new(value));
        *last
    }

    /// The value of a number.
    pub(crate) fn get(&self, handle: u32) -> Option<Arc<T>> {
        self.locked().1.get(&handle).map(Arc::clone)
    }

    /// Lets a value go.
    pub(crate) fn remove(&self, handle: u32) -> Option<Arc<T>> {
        self.locked().1.remove(&handle)
    }

    /// Lets every value go.
    pub(crate) fn clear(&self) {
        self.locked().1.clear();
    }

    fn locked(&self) -> MutexGuard<'_, (u32, HashMap<u32, Arc<T>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
