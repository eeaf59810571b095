//! What happens in a gateway, one event after the other.

use std::sync::Arc;

use mcp_gateway_core::gateway::GatewayEvents;
use mcp_gateway_core::protocol::RawJson;
use mcp_gateway_core::util::threads::Threads;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::Waiting;
use crate::util::Inbox;

/// Events from the moment of listening on.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Events {
    threads: Arc<Threads>,
    events: Arc<Mutex<GatewayEvents>>,
    inbox: Inbox,
    closed: CancellationToken,
}

impl Events {
    pub(crate) fn new(threads: Arc<Threads>, events: GatewayEvents) -> Self {
        Self {
            threads,
            events: Arc::new(Mutex::new(events)),
            inbox: Inbox::default(),
            closed: CancellationToken::new(),
        }
    }
}

#[pymethods]
impl Events {
    /// Waits until there is an event to take, or there will be no more; gives whether there may be one.
    fn wait(&self, py: Python<'_>, waiting: Waiting) -> PyResult<Py<PyAny>> {
        let (events, closed) = (Arc::clone(&self.events), self.closed.clone());
        self.inbox.wait(py, &self.threads, waiting, async move {
            let next = async { events.lock().await.next().await };
            let event = tokio::select! {
                event = next => event,
                () = closed.cancelled() => None,
            };
            event.map(|event| RawJson::from_value(&*event).map(RawJson::into_text)).transpose()
        })
    }

    /// The next event as JSON, if one is there.
    fn take(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.inbox.take(py)
    }

    /// Ends whoever waits for an event.
    fn close(&self) {
        self.closed.cancel();
    }
}
