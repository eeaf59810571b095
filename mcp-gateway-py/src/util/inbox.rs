//! What has arrived and was not taken yet: whoever is cancelled between the two loses nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_gateway_core::Result;
use mcp_gateway_core::util::threads::Threads;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes};
use tokio::sync::Notify;

use super::{Reply, Work};
use crate::gateway::Waiting;

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    texts: Mutex<VecDeque<String>>,
    /// Tells everybody who waits, because the one who received a text may have been cancelled.
    arrived: Notify,
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a text in if there is one, and says whether there was.
    fn put(&self, text: Option<String>) -> bool {
        let Some(text) = text else { return false };
        self.locked().push_back(text);
        self.arrived.notify_waiters();
        true
    }
}

impl Inbox {
    /// The first of what is there.
    pub(crate) fn take(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        let text = self.0.locked().pop_front()?;
        Some(PyBytes::new(py, text.as_bytes()).unbind())
    }

    /// Waits until something is there to take, which another may take first, or `next` says that nothing more will come;
    /// gives whether more may come.
    pub(crate) fn wait(
        &self,
        py: Python<'_>,
        threads: &Threads,
        waiting: Waiting,
        next: impl Future<Output = Result<Option<String>>> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        let shared = Arc::clone(&self.0);
        let work = Work::new(waiting);
        let given_up = work.cancellation();
        work.start(py, threads, async move {
            // Before looking, so that nothing arrives unnoticed in between.
            let arrived = shared.arrived.notified();
            let is_open = if shared.locked().is_empty() {
                tokio::select! {
                    // What nobody takes stays where it is.
                    biased;
                    () = given_up.cancelled() => true,
                    () = arrived => true,
                    text = next => shared.put(text?),
                }
            } else {
                true
            };
            Ok(Reply::Value(Box::new(move |py| Ok(PyBool::new(py, is_open).to_owned().into_any().unbind()))))
        })
    }
}
