//! A client of this process: the messages that an SDK's client speaks.

use std::sync::Arc;

use mcp_gateway_core::Result;
use mcp_gateway_core::transport::server::MemoryClient;
use mcp_gateway_core::util::threads::Threads;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::to_python;
use crate::gateway::Waiting;
use crate::util::{Inbox, Reply, Work};

/// One client's connection.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Connection {
    threads: Arc<Threads>,
    client: Arc<MemoryClient>,
    inbox: Inbox,
}

impl Connection {
    /// Hands a client's connection over once it is there.
    pub(crate) fn open(
        py: Python<'_>,
        threads: &Arc<Threads>,
        waiting: Waiting,
        connecting: impl Future<Output = Result<MemoryClient>> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        let held = Arc::clone(threads);
        Work::new(waiting).start(py, threads, async move {
            let client = Arc::new(connecting.await?);
            let connection = Self { threads: held, client, inbox: Inbox::default() };
            Ok(Reply::Value(Box::new(move |py| Ok(Py::new(py, connection)?.into_any()))))
        })
    }
}

#[pymethods]
impl Connection {
    /// Sends one message.
    fn send(&self, py: Python<'_>, message: &[u8]) -> PyResult<()> {
        // Taking part in the gateway is for the process that opened it.
        self.threads.check().and_then(|()| self.client.send(message)).map_err(|error| to_python(py, &error))
    }

    /// Waits until there is a message to take, or there will be no more; gives whether there may be one.
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
