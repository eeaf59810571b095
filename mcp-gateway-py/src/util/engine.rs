//! The threads of one gateway.

use std::mem::ManuallyDrop;
use std::sync::Mutex;

use mcp_gateway_core::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};

/// The threads that carry out requests where the host does not say how many; a gateway waits more than it computes.
const WORKERS: usize = 2;

/// The threads of one gateway, which no other gateway shares.
#[derive(Debug)]
pub(crate) struct Engine {
    runtime: Mutex<Option<ManuallyDrop<Runtime>>>,
    handle: Handle,
    /// The process that started the threads: a fork has none of them.
    process: u32,
}

impl Engine {
    /// Starts threads.
    ///
    /// # Errors
    /// `InvalidInput` for no threads, `Io` when the system has none left.
    pub(crate) fn start(workers: Option<usize>) -> Result<Self> {
        let workers = workers.unwrap_or(WORKERS);
        if workers == 0 || workers > 1_024 {
            return Err(Error::new(ErrorKind::InvalidInput, "a gateway has 1 to 1024 worker threads"));
        }
        let runtime =
            Builder::new_multi_thread().worker_threads(workers).thread_name("mcp-gateway").enable_all().build();
        let runtime = runtime
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot start the threads of the gateway").with_source(cause))?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Mutex::new(Some(ManuallyDrop::new(runtime))), handle, process: std::process::id() })
    }

    /// Where work can be put.
    ///
    /// # Errors
    /// `Unsupported` in a process that was forked after the threads were started, `Closed` once they have ended.
    pub(crate) fn handle(&self) -> Result<&Handle> {
        if self.is_forked() {
            return Err(Error::new(ErrorKind::Unsupported, "this gateway belongs to the process that was forked")
                .with_context("opened by", self.process)
                .with_context("used by", std::process::id())
                .with_hint("open the gateway after the fork, or start processes by spawn"));
        }
        if self.runtime.lock().is_ok_and(|runtime| runtime.is_none()) {
            return Err(Error::new(ErrorKind::Closed, "the gateway is closed"));
        }
        Ok(&self.handle)
    }

    /// Whether this process is a fork of the one that started the threads.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Ends the threads without waiting for what they are at.
    pub(crate) fn end(&self) {
        // A lock that was held during the fork stays locked for ever.
        if self.is_forked() {
            return;
        }
        let runtime = self.runtime.lock().map_or(None, |mut runtime| runtime.take());
        if let Some(runtime) = runtime {
            ManuallyDrop::into_inner(runtime).shutdown_background();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // In a fork nothing is dropped: the threads are not there, and what they hold is the parent's.
        self.end();
    }
}
