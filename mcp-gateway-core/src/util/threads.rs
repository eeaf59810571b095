//! Threads of a gateway's own, for hosts in another language.

use std::any::Any;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// The threads that carry out requests where the host does not say how many; a gateway waits more than it computes.
const WORKERS: usize = 2;
/// The most threads that are believed to be meant.
const MOST: usize = 1_024;

/// Threads that no other gateway shares.
///
/// # Behavior
/// - A process that was forked after they were started has none of them: there, all work is refused, and nothing is
///   dropped, because what they hold is the parent's.
/// - Dropping it ends them without waiting for what they are at.
#[derive(Debug)]
pub struct Threads {
    /// The only one that keeps its files open: no handle outlives `end`.
    runtime: Mutex<Option<ManuallyDrop<Runtime>>>,
    process: u32,
}

impl Threads {
    /// Starts threads; two where the host does not say how many.
    ///
    /// # Errors
    /// `InvalidInput` for none and for more than 1,024, `Io` when the system has none left.
    pub fn start(workers: Option<usize>) -> Result<Self> {
        let workers = workers.unwrap_or(WORKERS);
        if workers == 0 || workers > MOST {
            return Err(Error::new(ErrorKind::InvalidInput, format!("a gateway has 1 to {MOST} worker threads"))
                .with_context("asked for", workers));
        }
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(workers).thread_name("mcp-gateway").enable_all().build();
        let runtime = runtime
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot start the threads of the gateway").with_source(cause))?;
        Ok(Self { runtime: Mutex::new(Some(ManuallyDrop::new(runtime))), process: std::process::id() })
    }

    /// Has work done; what it gives goes to `done`, in one of the threads: a panic as an error too, and `Closed` for work
    /// that the threads' end cuts off.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<()> {
        let handle = self.handle()?;
        let work = AssertUnwindSafe(work).catch_unwind();
        // Made here, so that work that is dropped with the threads, even before it has begun, is told of too.
        let told = Told(Some(done), PhantomData);
        handle.spawn(async move { told.tell(work.await.unwrap_or_else(|panic| Err(panicked(&*panic)))) });
        Ok(())
    }

    /// Waits in the calling thread until work is done, or for so long at most.
    pub fn wait(&self, limit: Duration, work: impl Future<Output = ()>) {
        if let Ok(handle) = self.handle() {
            // What takes longer is left behind, as the limit says.
            let _ = handle.block_on(async { tokio::time::timeout(limit, work).await });
        }
    }

    /// Whether they can work.
    ///
    /// # Errors
    /// `Unsupported` in a process that was forked after they were started, `Closed` once they have ended.
    pub fn check(&self) -> Result<()> {
        self.handle().map(|_| ())
    }

    fn handle(&self) -> Result<Handle> {
        if self.is_forked() {
            return Err(Error::new(ErrorKind::Unsupported, "this gateway belongs to the process that was forked")
                .with_context("opened by", self.process)
                .with_context("used by", std::process::id())
                .with_hint("open the gateway after the fork, or start processes by spawn"));
        }
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(closed)
    }

    /// Whether this process is a fork of the one that started them.
    pub fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Ends them without waiting for what they are at.
    pub fn end(&self) {
        // A lock that was held during the fork stays locked for ever.
        if self.is_forked() {
            return;
        }
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            ManuallyDrop::into_inner(runtime).shutdown_background();
        }
    }
}

/// Whoever waits for work; told once, at the latest when the work is dropped.
struct Told<T, D: FnOnce(Result<T>)>(Option<D>, PhantomData<fn(T)>);

impl<T, D: FnOnce(Result<T>)> Told<T, D> {
    fn tell(mut self, outcome: Result<T>) {
        if let Some(done) = self.0.take() {
            done(outcome);
        }
    }
}

impl<T, D: FnOnce(Result<T>)> Drop for Told<T, D> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(closed()));
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the gateway is closed")
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a panic said, as an error.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::new(ErrorKind::Internal, format!("the gateway has panicked: {}", said.unwrap_or("without a word")))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn outcome(threads: &Threads, work: impl Future<Output = Result<u8>> + Send + 'static) -> Result<u8> {
        let (sender, receiver) = mpsc::channel();
        threads.spawn(work, move |done| sender.send(done).unwrap())?;
        receiver.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn work_is_done_until_they_end_and_a_panic_is_an_error() {
        let threads = Threads::start(Some(1)).unwrap();
        assert_eq!(outcome(&threads, async { Ok(1) }).unwrap(), 1);
        let error = outcome(&threads, async { panic!("on purpose") }).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Internal, "the gateway has panicked: on purpose"));
        threads.wait(Duration::from_millis(1), std::future::pending());
        let (sender, receiver) = mpsc::channel();
        threads.spawn(std::future::pending::<Result<u8>>(), move |done| sender.send(done).unwrap()).unwrap();
        threads.end();
        let cut_off = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(cut_off.unwrap_err().kind(), ErrorKind::Closed);
        threads.end();
        assert_eq!(outcome(&threads, async { Ok(1) }).unwrap_err().kind(), ErrorKind::Closed);
        for wrong in [0, MOST + 1] {
            assert_eq!(Threads::start(Some(wrong)).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
