//! What has arrived and was not taken yet: whoever is cancelled between the two loses nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_gateway_core::Result;
use mcp_gateway_core::util::threads::Threads;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Reply, Work};
use crate::gateway::Waiting;

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox(Arc<Mutex<VecDeque<String>>>);

impl Inbox {
    /// The first of what is there.
    pub(crate) fn take(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        Some(PyBytes::new(py, text.as_bytes()).unbind())
    }

    /// Waits until something is there, or `next` says that nothing more will come.
    pub(crate) fn wait(
        &self,
        py: Python<'_>,
        threads: &Threads,
        waiting: Waiting,
        next: impl Future<Output = Result<Option<String>>> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        let inbox = Arc::clone(&self.0);
        let work = Work::new(waiting);
        let given_up = work.cancellation();
        work.start(py, threads, async move {
            tokio::select! {
                // What nobody takes stays where it is.
                biased;
                () = given_up.cancelled() => {}
                arrived = next => inbox.lock().unwrap_or_else(PoisonError::into_inner).extend(arrived?),
            }
            Ok(Reply::None)
        })
    }
}
