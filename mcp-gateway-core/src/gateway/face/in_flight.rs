//! The requests of one client that are under way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::protocol::{RequestId, RpcError, code};

/// The requests by their ids, each with what cancels it.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<RequestId, CancellationToken>>);

/// A request under way; leaves the table, and is cancelled, when it is done or dropped.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    table: Option<&'a InFlight>,
    id: RequestId,
    pub(super) cancellation: CancellationToken,
}

impl InFlight {
    /// Takes a request in.
    ///
    /// # Errors
    /// The answer to one whose id is in use.
    pub(super) fn enter(&self, id: RequestId, ended: &CancellationToken) -> Result<Entered<'_>, RpcError> {
        let cancellation = ended.child_token();
        let mut table = self.locked();
        if table.contains_key(&id) {
            return Err(RpcError::new(code::INVALID_REQUEST, "a request with this id is under way"));
        }
        table.insert(id.clone(), cancellation.clone());
        Ok(Entered { table: Some(self), id, cancellation })
    }

    /// A request that is known by its connection alone: clients who do not know of each other use the same ids.
    pub(super) fn alone(id: RequestId, ended: &CancellationToken) -> Entered<'static> {
        Entered { table: None, id, cancellation: ended.child_token() }
    }

    pub(super) fn cancel(&self, id: &RequestId) {
        if let Some(cancellation) = self.locked().get(id) {
            cancellation.cancel();
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<RequestId, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(table) = self.table {
            table.locked().remove(&self.id);
        }
        self.cancellation.cancel();
    }
}
