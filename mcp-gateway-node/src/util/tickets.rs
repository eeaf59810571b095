//! Work that can be cancelled, by the ticket that JavaScript gave it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The work that is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets(Arc<Mutex<HashMap<u32, CancellationToken>>>);

impl Tickets {
    /// Notes work; its token fires when it is cancelled.
    pub(crate) fn enter(&self, ticket: u32) -> CancellationToken {
        let token = CancellationToken::new();
        self.locked().insert(ticket, token.clone());
        token
    }

    /// Work has ended.
    pub(crate) fn leave(&self, ticket: u32) {
        self.locked().remove(&ticket);
    }

    /// Cancels work; what has ended is no matter.
    pub(crate) fn cancel(&self, ticket: u32) {
        if let Some(token) = self.locked().get(&ticket) {
            token.cancel();
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u32, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
