//! One session of the host's own code.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::gateway::{self, CallOptions};
use mcp_gateway_core::protocol::RawJson;
use mcp_gateway_core::util::threads::Threads;
use mcp_gateway_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use super::{ToolSet, Waiting};
use crate::error::to_python;
use crate::util::{Reply, Work};

/// A session.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Session {
    threads: Arc<Threads>,
    session: gateway::Session,
}

impl Session {
    pub(crate) fn new(threads: Arc<Threads>, session: gateway::Session) -> Self {
        Self { threads, session }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let session = self.session.clone();
        if self.threads.is_forked() {
            // It holds the gateway, which is the parent's.
            std::mem::forget(session);
            return;
        }
        // Servers may be its alone. Where there are no threads any more, there is no gateway either.
        let closed = async move {
            session.close().await;
            Ok(())
        };
        let _ = self.threads.spawn(closed, |_| {});
    }
}

#[pymethods]
impl Session {
    /// Its id.
    #[getter]
    fn id(&self) -> &str {
        self.session.id().as_str()
    }

    /// Whose it is.
    #[getter]
    fn principal(&self) -> &str {
        &self.session.principal().name
    }

    /// Carries out an MCP request: its parameters as JSON, arguments apart from them, its result as JSON in bytes.
    #[expect(clippy::too_many_arguments, reason = "what Python passes by position, without an object around it")]
    #[pyo3(signature = (waiting, method, params, arguments=None, timeout=None, progress=None))]
    fn request(
        &self,
        py: Python<'_>,
        waiting: Waiting,
        method: String,
        params: &str,
        arguments: Option<&str>,
        timeout: Option<f64>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let raise = |error: Error| to_python(py, &error);
        let params = gateway::Session::params(params, arguments).map_err(raise)?;
        let work = Work::new(waiting);
        let mut options = CallOptions::new().with_cancellation(work.cancellation());
        if let Some(seconds) = timeout {
            options = options.with_timeout(duration(seconds).map_err(raise)?);
        }
        if let Some(progress) = progress {
            let call = work.caller(progress);
            options = options.with_progress(Arc::new(move |params: RawJson| call(params.get())));
        }
        let session = self.session.clone();
        work.start(py, &self.threads, async move {
            Ok(Reply::Text(session.request(&method, params, options).await?.into_text()))
        })
    }

    /// A whole list by its method: `{"tools": […]}` in bytes, or as the method has it.
    fn list(&self, py: Python<'_>, waiting: Waiting, method: String) -> PyResult<Py<PyAny>> {
        let session = self.session.clone();
        let work = Work::new(waiting);
        let options = CallOptions::new().with_cancellation(work.cancellation());
        work.start(py, &self.threads, async move {
            Ok(Reply::Text(session.list_json(&method, &options).await?.into_text()))
        })
    }

    /// Tells the session's servers that the roots of its client are others now.
    fn roots_changed(&self, py: Python<'_>, waiting: Waiting) -> PyResult<Py<PyAny>> {
        let session = self.session.clone();
        Work::new(waiting).start(py, &self.threads, async move {
            session.roots_changed().await;
            Ok(Reply::None)
        })
    }

    /// The tools in the shape of a model API.
    fn present_tools(&self, py: Python<'_>, waiting: Waiting, dialect: &str) -> PyResult<Py<PyAny>> {
        let dialect = dialect.parse().map_err(|error: Error| to_python(py, &error))?;
        let session = self.session.clone();
        Work::new(waiting).start(py, &self.threads, async move {
            let set = ToolSet::new(session.present_tools(dialect).await?);
            Ok(Reply::Value(Box::new(move |py| Ok(Py::new(py, set)?.into_any()))))
        })
    }

    /// Ends the session.
    fn close(&self, py: Python<'_>, waiting: Waiting) -> PyResult<Py<PyAny>> {
        let session = self.session.clone();
        Work::new(waiting).start(py, &self.threads, async move {
            session.close().await;
            Ok(Reply::None)
        })
    }
}

fn duration(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, format!("`{seconds}` is not a number of seconds to wait")))
}
