//! The gateway as Python's half sees it: work is started here, and its result handed over there.

mod dialect;
mod events;
mod home;
mod session;

use std::sync::Arc;

use mcp_gateway_core::gateway::home::{OpenOptions, OpenParts, open};
use mcp_gateway_core::gateway::{Gateway as _, McpGateway};
use mcp_gateway_core::model::{HostObject, Principal};
use mcp_gateway_core::util::threads::Threads;
use mcp_gateway_core::{Error, ErrorKind};
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;

pub(crate) use dialect::ToolSet;
pub(crate) use events::Events;
pub(crate) use home::share;
pub(crate) use session::Session;

use crate::error::to_python;
use crate::model::PythonObject;
use crate::transport::Connection;
use crate::util::{Mailbox, Reply, Work};

/// Who waits for work: a future of a loop with the loop's mailbox, or, where that is none, the calling thread.
pub(crate) type Waiting = Option<(Py<PyAny>, Py<Mailbox>)>;

/// A part of the gateway that an object of Python is: the part's name, the object's name, its methods, its port.
type HostPart = (String, String, Vec<String>, Py<PyAny>);

/// An open gateway with threads of its own.
#[pyclass(frozen, weakref, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Gateway {
    threads: Arc<Threads>,
    gateway: McpGateway,
    warnings: Vec<String>,
    /// Ends the connections of clients of this process.
    closing: CancellationToken,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.threads.is_forked() {
            // What it holds is the parent's: its servers, its lock file.
            std::mem::forget(self.gateway.clone());
        }
    }
}

#[pymethods]
impl Gateway {
    /// Opens a gateway: options as JSON, and the objects of Python that are parts of it.
    #[staticmethod]
    fn open(py: Python<'_>, waiting: Waiting, options: &str, hosts: Vec<HostPart>) -> PyResult<Py<PyAny>> {
        let raise = |error: Error| to_python(py, &error);
        let options: OpenOptions = serde_json::from_str(options)
            .map_err(|cause| raise(Error::new(ErrorKind::InvalidInput, format!("options of the gateway: {cause}"))))?;
        let mut parts = OpenParts::default();
        for (part, name, methods, port) in hosts {
            let object: Arc<dyn HostObject> = Arc::new(PythonObject::new(name, methods, port));
            if !parts.set_host(&part, object, &options).map_err(raise)? {
                return Err(raise(Error::new(ErrorKind::InvalidInput, format!("a gateway has no part `{part}`"))));
            }
        }
        let threads = Arc::new(Threads::start(options.worker_threads).map_err(raise)?);
        let held = Arc::clone(&threads);
        Work::new(waiting).start(py, &threads, async move {
            let opened = open(options, parts).await?;
            let (gateway, warnings) = (opened.gateway, opened.warnings);
            let gateway = Self { threads: held, gateway, warnings, closing: CancellationToken::new() };
            Ok(Reply::Value(Box::new(move |py| Ok(Py::new(py, gateway)?.into_any()))))
        })
    }

    /// The profile's name.
    #[getter]
    fn profile(&self) -> &str {
        self.gateway.profile().as_str()
    }

    /// What is odd about the catalogs.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Whether this process is a fork of the one that opened the gateway.
    #[getter]
    fn is_forked(&self) -> bool {
        self.threads.is_forked()
    }

    /// Opens a session.
    fn session(&self, py: Python<'_>, waiting: Waiting, principal: &str, roles: Vec<String>) -> PyResult<Py<PyAny>> {
        let (gateway, threads) = (self.gateway.clone(), Arc::clone(&self.threads));
        let principal = Principal::new(principal).with_roles(roles);
        Work::new(waiting).start(py, &self.threads, async move {
            let session = Session::new(threads, gateway.session(principal).await?);
            Ok(Reply::Value(Box::new(move |py| Ok(Py::new(py, session)?.into_any()))))
        })
    }

    /// Carries out a command of the host, JSON in and JSON out.
    fn command(&self, py: Python<'_>, waiting: Waiting, command: String) -> PyResult<Py<PyAny>> {
        let gateway = self.gateway.clone();
        Work::new(waiting)
            .start(py, &self.threads, async move { Ok(Reply::Text(gateway.command(&command).await?.into_text())) })
    }

    /// Listens to events from now on.
    fn events(&self) -> Events {
        Events::new(Arc::clone(&self.threads), self.gateway.events())
    }

    /// Connects a client of this process.
    fn connect(&self, py: Python<'_>, waiting: Waiting, principal: &str, roles: Vec<String>) -> PyResult<Py<PyAny>> {
        let (gateway, principal) = (self.gateway.clone(), Principal::new(principal).with_roles(roles));
        let closing = self.closing.child_token();
        Connection::open(py, &self.threads, waiting, async move { gateway.connect(principal, closing).await })
    }

    /// Stops every server; the threads go on until `end`.
    fn close(&self, py: Python<'_>, waiting: Waiting) -> PyResult<Py<PyAny>> {
        let (gateway, closing) = (self.gateway.clone(), self.closing.clone());
        Work::new(waiting).start(py, &self.threads, async move {
            closing.cancel();
            gateway.shutdown().await;
            Ok(Reply::None)
        })
    }

    /// Ends the threads.
    fn end(&self) {
        self.threads.end();
    }
}
