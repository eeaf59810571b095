//! Ctrl-C and SIGTERM: the first one ends the work in good order, the second one at once.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::report;
use crate::error::{Error, ErrorKind, Result};

/// A token that the first signal fires; the second signal ends the process.
pub(crate) fn shutdown() -> Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let fired = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("shutting down");
        fired.cancel();
        signals.next().await;
        report::warning("ended at once; what is left behind is removed by the next gateway or `mcp-gateway prune`");
        std::process::exit(i32::from(Exit::INTERRUPTED));
    });
    Ok(token)
}

/// Does the work unless a signal comes first.
///
/// # Errors
/// `Cancelled` when a signal came, otherwise what the work says.
pub(crate) async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let token = shutdown()?;
    tokio::select! {
        done = work => done,
        () = token.cancelled() => Err(Error::new(ErrorKind::Cancelled, "interrupted")),
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(deaf);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without signals there is nothing to wait for that could come.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn deaf(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, "cannot listen for signals").with_source(cause)
}
