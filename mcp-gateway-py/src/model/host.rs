//! Objects of Python in the roles of a gateway: brokers, policies, approvers, stores, catalogs.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mcp_gateway_core::model::{HostObject, SecretValue};
use mcp_gateway_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::sync::{Semaphore, oneshot};

/// How many calls of one object may hold a thread at once: one that hangs keeps its thread, and no thread of the
/// gateway's own.
const THREADS: usize = 32;

/// An object of Python, called through `port(method, arguments, answer)` in a thread that may wait.
#[derive(Debug)]
pub(crate) struct PythonObject {
    name: String,
    methods: Vec<String>,
    port: Arc<Py<PyAny>>,
    threads: Arc<Semaphore>,
}

impl PythonObject {
    /// Wraps an object; `port` is the function of the Python half that calls its methods.
    pub(crate) fn new(name: String, methods: Vec<String>, port: Py<PyAny>) -> Self {
        Self { name, methods, port: Arc::new(port), threads: Arc::new(Semaphore::new(THREADS)) }
    }

    fn failed(&self, method: &'static str, cause: Option<String>) -> Error {
        let error = Error::new(ErrorKind::Internal, "the host's own code failed")
            .with_operation("PythonObject::call")
            .with_context("object", &self.name)
            .with_context("method", method);
        match cause {
            Some(text) => error.with_source(std::io::Error::other(text)),
            None => error,
        }
    }
}

#[async_trait]
impl HostObject for PythonObject {
    fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }

    async fn call(&self, method: &'static str, arguments: SecretValue) -> Result<SecretValue> {
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| self.failed(method, None))?;
        let (sender, answered) = oneshot::channel();
        let port = Arc::clone(&self.port);
        tokio::task::spawn_blocking(move || {
            // An interpreter that is ending answers nothing; then the sender is dropped, which is a failure.
            Python::try_attach(|py| {
                let answer = Answer(Mutex::new(Some(sender)));
                // Without memory for it there is no answer, which is a failure too.
                let Ok(answer) = Py::new(py, answer) else { return };
                if let Err(error) = port.call1(py, (method, arguments.expose(), answer.clone_ref(py))) {
                    answer.get().give(Err(describe(py, &error)));
                }
            });
            drop(thread);
        });
        match answered.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cause)) => Err(self.failed(method, Some(cause))),
            Err(_) => Err(self.failed(method, Some("it gave no answer".to_owned()))),
        }
    }
}

/// The type of an exception. Its text may be a secret's, so it is the host's log that shows it.
fn describe(py: Python<'_>, error: &PyErr) -> String {
    error.get_type(py).name().map_or_else(|_| "exception".to_owned(), |name| name.to_string())
}

/// Takes the answer to one call; the first word counts.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Answer(Mutex<Option<oneshot::Sender<Result<SecretValue, String>>>>);

impl Answer {
    fn give(&self, answer: Result<SecretValue, String>) {
        if let Some(sender) = self.0.lock().map_or(None, |mut sender| sender.take()) {
            // The gateway may have stopped waiting.
            let _ = sender.send(answer);
        }
    }
}

#[pymethods]
impl Answer {
    /// Answers with the JSON of what the method returned.
    fn send(&self, text: String) {
        self.give(Ok(SecretValue::new(text)));
    }

    /// Says that the method has raised.
    fn fail(&self, reason: String) {
        self.give(Err(reason));
    }

    /// Whether the gateway has stopped waiting.
    fn is_late(&self) -> bool {
        self.0.lock().map_or(true, |sender| sender.as_ref().is_none_or(oneshot::Sender::is_closed))
    }
}
