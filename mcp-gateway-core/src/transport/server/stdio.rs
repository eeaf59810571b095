//! The client that started this process, on its standard input and output.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::SessionHost;
use super::stream::{StreamConfig, serve_stream};
use crate::error::Result;
use crate::model::Principal;

/// Serves the client that started this process; nothing else may write to standard output meanwhile.
///
/// # Behavior
/// - Pipes and sockets are read and written without a thread of their own; some hosts hand their children sockets.
/// - Files and terminals have no such form; they are read on a thread of the runtime's pool, which a runtime that is
///   dropped waits for. End such a program with [`std::process::exit`] or `Runtime::shutdown_background`.
/// - Whoever shares a pipe or socket with this process finds it blocking again at the end, if it was so before.
/// - Otherwise as [`serve_stream`](super::serve_stream).
///
/// # Errors
/// As [`serve_stream`](super::serve_stream).
pub async fn serve_stdio(
    host: Arc<dyn SessionHost>,
    principal: Principal,
    config: StreamConfig,
    shutdown: CancellationToken,
) -> Result<()> {
    #[cfg(unix)]
    let _blocking = (unix::Flags::of(&std::io::stdin()), unix::Flags::of(&std::io::stdout()));
    serve_stream(host, principal, input(), output(), config, shutdown).await
}

type Input = Box<dyn AsyncRead + Send + Unpin>;
type Output = Box<dyn AsyncWrite + Send + Unpin>;

fn input() -> Input {
    #[cfg(unix)]
    if let Some(input) = unix::input() {
        return input;
    }
    Box::new(tokio::io::stdin())
}

fn output() -> Output {
    #[cfg(unix)]
    if let Some(output) = unix::output() {
        return output;
    }
    Box::new(tokio::io::stdout())
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::UnixStream as StdUnixStream;

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use tokio::net::{UnixStream, unix::pipe};

    use super::{Input, Output};

    /// `None` for a file or a terminal, which have no non-blocking form.
    pub(super) fn input() -> Option<Input> {
        match open(&std::io::stdin())? {
            (Kind::Pipe, fd) => Some(Box::new(pipe::Receiver::from_owned_fd(fd).ok()?)),
            (Kind::Socket, fd) => Some(Box::new(socket(fd)?)),
        }
    }

    pub(super) fn output() -> Option<Output> {
        match open(&std::io::stdout())? {
            (Kind::Pipe, fd) => Some(Box::new(pipe::Sender::from_owned_fd(fd).ok()?)),
            (Kind::Socket, fd) => Some(Box::new(socket(fd)?)),
        }
    }

    /// Puts the flags back that whoever shares this descriptor had set.
    pub(super) struct Flags {
        of: OwnedFd,
        flags: OFlags,
    }

    impl Flags {
        pub(super) fn of(stream: &impl AsFd) -> Option<Self> {
            let of = stream.as_fd().try_clone_to_owned().ok()?;
            let flags = fcntl_getfl(&of).ok()?;
            Some(Self { of, flags })
        }
    }

    impl Drop for Flags {
        fn drop(&mut self) {
            if let Err(cause) = fcntl_setfl(&self.of, self.flags) {
                tracing::debug!(%cause, "flags of a standard stream could not be put back");
            }
        }
    }

    enum Kind {
        Pipe,
        Socket,
    }

    fn open(stream: &impl AsFd) -> Option<(Kind, OwnedFd)> {
        let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        let kind = file.metadata().ok()?.file_type();
        let kind = match (kind.is_fifo(), kind.is_socket()) {
            (true, _) => Kind::Pipe,
            (_, true) => Kind::Socket,
            _ => return None,
        };
        Some((kind, OwnedFd::from(file)))
    }

    fn socket(fd: OwnedFd) -> Option<UnixStream> {
        let stream = StdUnixStream::from(fd);
        stream.set_nonblocking(true).ok()?;
        UnixStream::from_std(stream).ok()
    }
}
