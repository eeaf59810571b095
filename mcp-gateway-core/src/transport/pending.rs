//! Requests that wait for their answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{RawJson, RequestId, RpcError};

type Answer = Result<Result<RawJson, RpcError>>;

/// The most requests that may wait on one connection.
const MAX_PENDING: usize = 4096;

/// The requests of one connection that wait for their answers; ids are never used twice.
#[derive(Debug, Default)]
pub struct PendingRequests {
    next: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    closed: Option<Error>,
}

/// A request's place in the table; dropping it gives the place back.
#[derive(Debug)]
pub struct PendingRequest<'a> {
    requests: &'a PendingRequests,
    id: u64,
    answer: oneshot::Receiver<Answer>,
}

impl PendingRequests {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `Overloaded` when 4,096 requests wait already; why the connection closed, once it is.
    pub fn register(&self) -> Result<PendingRequest<'_>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        let mut table = self.locked();
        if let Some(error) = &table.closed {
            return Err(error.clone());
        }
        if table.waiting.len() >= MAX_PENDING {
            return Err(Error::new(ErrorKind::Overloaded, "too many requests wait on this connection"));
        }
        table.waiting.insert(id, sender);
        Ok(PendingRequest { requests: self, id, answer })
    }

    /// Hands an answer to the request with this id; says whether one was waiting.
    pub fn resolve(&self, id: &RequestId, result: Result<RawJson, RpcError>) -> bool {
        let Some(sender) = id.as_number().and_then(|id| self.locked().waiting.remove(&id)) else { return false };
        sender.send(Ok(result)).is_ok()
    }

    /// Ends every waiting request and all to come with an error; the first reason is kept.
    pub fn close(&self, error: &Error) {
        let waiting = {
            let mut table = self.locked();
            table.closed.get_or_insert_with(|| error.clone());
            std::mem::take(&mut table.waiting)
        };
        for sender in waiting.into_values() {
            // A waiter that is gone needs no answer.
            let _ = sender.send(Err(error.clone()));
        }
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.locked().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingRequest<'_> {
    /// The id to send the request with.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// Why the connection closed, if it did before the answer came.
    pub async fn answer(&mut self) -> Answer {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new(ErrorKind::Closed, "connection closed before the answer came")),
        }
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.requests.locked().waiting.remove(&self.id);
    }
}
