//! The requests of one session that are under way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::{RequestId, RpcError, code};

/// The ids in use, at most as many as the bound.
#[derive(Debug)]
pub(super) struct InFlight {
    ids: Mutex<HashSet<RequestId>>,
    bound: usize,
}

/// A request's place; dropping it gives the id free.
#[derive(Debug)]
pub(super) struct Place {
    in_flight: Arc<InFlight>,
    id: RequestId,
}

impl InFlight {
    pub(super) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self { ids: Mutex::default(), bound })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// The answer to a request whose id is in use, or that is one too many.
    pub(super) fn enter(self: &Arc<Self>, id: &RequestId) -> Result<Place, RpcError> {
        let mut ids = self.locked();
        if ids.contains(id) {
            return Err(RpcError::new(code::INVALID_REQUEST, "a request with this id is under way"));
        }
        if ids.len() >= self.bound {
            let why = format!("{} requests of this session are under way already", self.bound);
            return Err(RpcError::new(code::UNAVAILABLE, why));
        }
        ids.insert(id.clone());
        Ok(Place { in_flight: Arc::clone(self), id: id.clone() })
    }

    fn locked(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_flight.locked().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_once_and_comes_back() {
        let in_flight = InFlight::new(2);
        let place = |id| in_flight.enter(&RequestId::number(id));
        let first = place(1).unwrap();
        assert_eq!(place(1).unwrap_err().code, code::INVALID_REQUEST);
        let _second = place(2).unwrap();
        assert_eq!(place(3).unwrap_err().code, code::UNAVAILABLE);
        drop(first);
        let _third = place(1).unwrap();
    }
}
