//! One piece of work for the gateway's threads, awaited by a coroutine or waited for by a thread.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use mcp_gateway_core::util::threads::Threads;
use mcp_gateway_core::{Error, ErrorKind, Result};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio_util::sync::CancellationToken;

use super::mailbox::{Mailbox, Sender};
use crate::error::to_python;

/// How often a thread that waits looks for signals such as Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(100);

/// Makes a value with the interpreter.
type Make = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<Py<PyAny>> + Send>;

/// What work may give.
pub(crate) enum Reply {
    /// Nothing.
    None,
    /// A text in bytes, nearly always JSON.
    Text(String),
    /// A value that is made with the interpreter.
    Value(Make),
}

impl Reply {
    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::None => Ok(py.None()),
            Self::Text(text) => Ok(PyBytes::new(py, text.as_bytes()).into_any().unbind()),
            Self::Value(make) => make(py),
        }
    }
}

/// Who waits for work: a coroutine through its loop's mailbox, or the calling thread.
pub(crate) struct Work {
    cancellation: CancellationToken,
    waiter: Waiter,
}

enum Waiter {
    Loop { future: Py<PyAny>, sender: Sender },
    Thread { letters: mpsc::Receiver<Message>, sender: mpsc::Sender<Message> },
}

enum Message {
    Call(Arc<Py<PyAny>>, String),
    Done(Result<Reply>),
}

impl Work {
    /// Prepares to wait: with the future of a loop and its mailbox, or without both in this thread.
    pub(crate) fn new(waiting: Option<(Py<PyAny>, Py<Mailbox>)>) -> Self {
        let waiter = match waiting {
            Some((future, mailbox)) => Waiter::Loop { future, sender: mailbox.get().sender() },
            None => {
                let (sender, letters) = mpsc::channel();
                Waiter::Thread { letters, sender }
            }
        };
        Self { cancellation: CancellationToken::new(), waiter }
    }

    /// Fires when nobody waits any more.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// A function that calls one of Python's with a text, where the waiter is: in its loop or in its thread.
    pub(crate) fn caller(&self, callback: Py<PyAny>) -> Box<dyn Fn(&str) + Send + Sync> {
        // A thread of the gateway never waits for the interpreter, which a copy of the callback itself would need.
        let callback = Arc::new(callback);
        match &self.waiter {
            Waiter::Loop { sender, .. } => {
                let sender = sender.clone();
                Box::new(move |text| {
                    let (callback, text) = (Arc::clone(&callback), text.to_owned());
                    sender.send(Box::new(move |py| callback.call1(py, (PyBytes::new(py, text.as_bytes()),)).map(drop)));
                })
            }
            Waiter::Thread { sender, .. } => {
                let sender = sender.clone();
                // Who has stopped waiting hears no more.
                Box::new(move |text| drop(sender.send(Message::Call(Arc::clone(&callback), text.to_owned()))))
            }
        }
    }

    /// Has the work done: gives the handle that cancels it to a coroutine, and what the work gives to a thread.
    pub(crate) fn start(
        self,
        py: Python<'_>,
        threads: &Threads,
        work: impl Future<Output = Result<Reply>> + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        let raise = |error: Error| to_python(py, &error);
        match self.waiter {
            Waiter::Loop { future, sender } => {
                let done = move |done| sender.send(Box::new(move |py| settle(py, &future, done)));
                threads.spawn(work, done).map_err(raise)?;
                Ok(Canceller(self.cancellation).into_pyobject(py)?.into_any().unbind())
            }
            Waiter::Thread { letters, sender } => {
                // A thread that was interrupted has gone.
                threads.spawn(work, move |done| drop(sender.send(Message::Done(done)))).map_err(raise)?;
                wait(py, letters, &self.cancellation)
            }
        }
    }
}

/// Waits in this thread without the interpreter, but for signals and callbacks.
fn wait(py: Python<'_>, letters: mpsc::Receiver<Message>, cancellation: &CancellationToken) -> PyResult<Py<PyAny>> {
    let _cancelling = cancellation.clone().drop_guard();
    // A receiver may be moved to another thread and not shared; waiting without the interpreter counts as sharing.
    let letters = std::sync::Mutex::new(letters);
    loop {
        let letter = py.detach(|| match letters.lock() {
            Ok(letters) => letters.recv_timeout(SIGNALS),
            Err(_) => Err(mpsc::RecvTimeoutError::Disconnected),
        });
        match letter {
            Ok(Message::Call(callback, text)) => {
                // Progress that comes quickly must not keep Ctrl-C from being heard.
                py.check_signals()?;
                if let Err(error) = callback.call1(py, (PyBytes::new(py, text.as_bytes()),)) {
                    unless_fatal(py, error)?;
                }
            }
            Ok(Message::Done(done)) => return done.map_err(|error| to_python(py, &error))?.into_python(py),
            Err(mpsc::RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(to_python(py, &Error::new(ErrorKind::Closed, "the gateway is closed")));
            }
        }
    }
}

/// Reports what a callback has raised; what means to end the program, such as `KeyboardInterrupt`, goes on.
pub(crate) fn unless_fatal(py: Python<'_>, error: PyErr) -> PyResult<()> {
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    error.write_unraisable(py, None);
    Ok(())
}

/// Reports an exception that nobody awaits.
#[pyfunction]
pub(crate) fn report(error: Bound<'_, PyAny>) {
    let py = error.py();
    PyErr::from_value(error).write_unraisable(py, None);
}

/// Gives a future its outcome, unless it was cancelled meanwhile.
fn settle(py: Python<'_>, future: &Py<PyAny>, done: Result<Reply>) -> PyResult<()> {
    if future.call_method0(py, "done")?.is_truthy(py)? {
        return Ok(());
    }
    match done.map_err(|error| to_python(py, &error)).and_then(|reply| reply.into_python(py)) {
        Ok(value) => future.call_method1(py, "set_result", (value,))?,
        Err(error) => future.call_method1(py, "set_exception", (error,))?,
    };
    Ok(())
}

/// Cancels one piece of work; called by a future that is done, for whatever reason.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Canceller(CancellationToken);

#[pymethods]
impl Canceller {
    /// Cancels the work if it is not done yet.
    #[pyo3(signature = (_future=None))]
    fn __call__(&self, _future: Option<Py<PyAny>>) {
        self.0.cancel();
    }
}
