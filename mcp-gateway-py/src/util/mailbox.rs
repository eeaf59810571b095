//! The way from the gateway's threads into an event loop of asyncio, without a thread of the gateway ever waiting for
//! the interpreter.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use super::work::unless_fatal;

/// What an event loop has to do for the gateway.
pub(crate) type Letter = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<()> + Send>;

/// Letters of the gateway to one event loop: `loop.add_reader(mailbox.fileno(), mailbox.drain)` has them read.
///
/// A letter is put into a queue and one byte into a socket, both without the interpreter; the loop wakes up by itself and
/// reads all letters that are there.
#[pyclass(frozen, weakref, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Default)]
struct Queue {
    letters: VecDeque<Letter>,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    bell: Bell,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

impl Mailbox {
    pub(crate) fn sender(&self) -> Sender {
        Sender(Arc::clone(&self.0))
    }
}

#[pymethods]
impl Mailbox {
    /// Makes a mailbox; `wake` is called from a thread of the gateway where a loop cannot watch a socket.
    #[new]
    #[pyo3(signature = (wake=None))]
    fn new(wake: Option<Py<PyAny>>) -> PyResult<Self> {
        let bell = Bell::new(wake)?;
        Ok(Self(Arc::new(Shared { queue: Mutex::default(), bell })))
    }

    /// The socket to watch; -1 where `wake` is called instead.
    fn fileno(&self) -> i64 {
        self.0.bell.fileno()
    }

    /// Reads every letter that is there.
    fn drain(&self, py: Python<'_>) -> PyResult<()> {
        self.0.bell.silence();
        let letters = std::mem::take(&mut self.0.locked().letters);
        let mut outcome = Ok(());
        for letter in letters {
            // One that fails must not keep the others from their readers.
            if let Err(error) = letter(py) {
                outcome = outcome.and(unless_fatal(py, error));
            }
        }
        outcome
    }

    /// Refuses further letters.
    fn close(&self) {
        let letters = {
            let mut queue = self.0.locked();
            queue.closed = true;
            std::mem::take(&mut queue.letters)
        };
        drop(letters);
    }
}

impl Shared {
    fn locked(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts letters into a mailbox, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Arc<Shared>);

impl Sender {
    pub(crate) fn send(&self, letter: Letter) {
        let first = {
            let mut queue = self.0.locked();
            if queue.closed {
                return;
            }
            queue.letters.push_back(letter);
            queue.letters.len() == 1
        };
        if first {
            self.0.bell.ring();
        }
    }
}

#[cfg(unix)]
mod bell {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixStream;

    use pyo3::prelude::*;

    /// Wakes a loop: by a socket, or by a call where the loop cannot watch one.
    pub(super) struct Bell {
        near: UnixStream,
        far: UnixStream,
        wake: Option<Py<PyAny>>,
    }

    impl Bell {
        pub(super) fn new(wake: Option<Py<PyAny>>) -> std::io::Result<Self> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            far.set_nonblocking(true)?;
            Ok(Self { near, far, wake })
        }

        pub(super) fn fileno(&self) -> i64 {
            if self.wake.is_some() { -1 } else { self.far.as_raw_fd().into() }
        }

        pub(super) fn ring(&self) {
            match &self.wake {
                Some(wake) => super::call(wake),
                // A socket that is full has woken the loop already.
                None => drop((&self.near).write(&[1])),
            }
        }

        pub(super) fn silence(&self) {
            let mut bytes = [0; 64];
            while matches!((&self.far).read(&mut bytes), Ok(count) if count == bytes.len()) {}
        }
    }
}

#[cfg(not(unix))]
mod bell {
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;

    /// Wakes a loop by a call.
    pub(super) struct Bell {
        wake: Py<PyAny>,
    }

    impl Bell {
        pub(super) fn new(wake: Option<Py<PyAny>>) -> PyResult<Self> {
            let wake = wake.ok_or_else(|| PyValueError::new_err("loops of this system are woken by a call"))?;
            Ok(Self { wake })
        }

        pub(super) fn fileno(&self) -> i64 {
            -1
        }

        pub(super) fn ring(&self) {
            super::call(&self.wake);
        }

        pub(super) fn silence(&self) {}
    }
}

use bell::Bell;

/// Calls a function of Python; an interpreter that is ending, or a loop that has closed, needs no waking.
fn call(wake: &Py<PyAny>) {
    let _ = Python::try_attach(|py| drop(wake.call0(py)));
}
