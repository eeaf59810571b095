//! A client of this process: the messages that an SDK's client speaks.

use std::sync::Arc;

use mcp_gateway_core::gateway::{GatewayHost, McpGateway};
use mcp_gateway_core::model::Principal;
use mcp_gateway_core::transport::server::{MemoryClient, StreamConfig, connect_memory};
use mcp_gateway_core::util::threads::Threads;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio_util::sync::CancellationToken;

use crate::error::to_python;
use crate::gateway::Waiting;
use crate::util::{Inbox, Reply, Work};

/// How many requests of one client may be under way; the gateway has a bound of its own for all of them.
const IN_FLIGHT: usize = 1_024;

/// One client's connection.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Connection {
    threads: Arc<Threads>,
    client: Arc<MemoryClient>,
    inbox: Inbox,
}

/// Connects a client.
pub(crate) fn connect(
    py: Python<'_>,
    threads: &Arc<Threads>,
    waiting: Waiting,
    gateway: McpGateway,
    principal: Principal,
) -> PyResult<Py<PyAny>> {
    let held = Arc::clone(threads);
    Work::new(waiting).start(py, threads, async move {
        let host = Arc::new(GatewayHost::new(Arc::new(gateway)));
        let config = StreamConfig::default().with_max_in_flight(IN_FLIGHT);
        let client = connect_memory(host, principal, config, CancellationToken::new()).await?;
        let connection = Connection { threads: held, client: Arc::new(client), inbox: Inbox::default() };
        Ok(Reply::Value(Box::new(move |py| Ok(Py::new(py, connection)?.into_any()))))
    })
}

#[pymethods]
impl Connection {
    /// Sends one message.
    fn send(&self, py: Python<'_>, message: &[u8]) -> PyResult<()> {
        // Taking part in the gateway is for the process that opened it.
        self.threads.check().and_then(|()| self.client.send(message)).map_err(|error| to_python(py, &error))
    }

    /// Waits until there is a message to take, or there will be no more.
    fn wait(&self, py: Python<'_>, waiting: Waiting) -> PyResult<Py<PyAny>> {
        let client = Arc::clone(&self.client);
        self.inbox.wait(py, &self.threads, waiting, async move { Ok(client.receive().await) })
    }

    /// The next message, if one is there.
    fn take(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        self.inbox.take(py)
    }

    /// Ends the connection.
    fn close(&self) {
        self.client.close();
    }
}
