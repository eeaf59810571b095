//! The requests that are on their way to a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{closed, locked};
use crate::error::Result;
use crate::protocol::{RawJson, RequestId};

/// How many requests may be under way at the same time; further ones wait.
const MAX_CALLS: usize = 64;

/// The requests of one connection that are on their way, each in a task of its own.
#[derive(Debug)]
pub(in crate::transport::client) struct Calls {
    permits: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<RequestId, CancellationToken>>>,
    closed: CancellationToken,
}

/// The place of one request among those under way; dropping it gives the place back.
#[derive(Debug)]
pub(in crate::transport::client) struct Place {
    id: RequestId,
    under_way: Arc<Mutex<HashMap<RequestId, CancellationToken>>>,
    _permit: OwnedSemaphorePermit,
}

impl Calls {
    /// No calls; all to come end when `closed` is cancelled.
    pub(in crate::transport::client) fn new(closed: CancellationToken) -> Self {
        Self { permits: Arc::new(Semaphore::new(MAX_CALLS)), under_way: Arc::default(), closed }
    }

    /// Runs the work of a request in a task, as soon as there is a place for it.
    ///
    /// # Errors
    /// `Closed` when the connection is closed meanwhile.
    pub(in crate::transport::client) async fn start<Work>(
        &self,
        id: &RequestId,
        work: impl FnOnce(Place) -> Work + Send,
    ) -> Result<()>
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        let permit = tokio::select! {
            permit = Arc::clone(&self.permits).acquire_owned() => permit.map_err(|_| closed())?,
            () = self.closed.cancelled() => return Err(closed()),
        };
        let abandoned = self.closed.child_token();
        locked(&self.under_way).insert(id.clone(), abandoned.clone());
        let work = work(Place { id: id.clone(), under_way: Arc::clone(&self.under_way), _permit: permit });
        tokio::spawn(async move {
            tokio::select! {
                () = abandoned.cancelled() => {}
                () = work => {}
            }
        });
        Ok(())
    }

    /// Ends the work of the request that a `notifications/cancelled` names.
    pub(in crate::transport::client) fn abandon(&self, params: Option<&RawJson>) {
        let params = params.and_then(|params| params.object().ok());
        let id = params.and_then(|params| params.get("requestId")?.read::<Box<RawValue>>().ok());
        let Some(id) = id.and_then(|id| RequestId::from_json(id.get()).ok()) else { return };
        if let Some(call) = locked(&self.under_way).remove(&id) {
            call.cancel();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.under_way).remove(&self.id);
    }
}
