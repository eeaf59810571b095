//! Pipes that take more at once where large messages go through them.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a pipe of Linux holds in the beginning, in bytes; see `pipe(7)`.
const NARROW: usize = 64 * 1024;

/// What a pipe may hold at most without privileges, in bytes.
#[cfg(target_os = "linux")]
const WIDE: usize = 1024 * 1024;

/// An end of a pipe, which is made to hold more when it has been full once.
///
/// Reader and writer take turns at a full pipe, and each turn costs two of them waking up. All pipes of a user share
/// 64 MiB, so those that carry small messages stay as they are.
#[derive(Debug)]
pub(crate) struct Widening<P> {
    pipe: P,
    is_wide: bool,
}

impl<P: AsFd> Widening<P> {
    pub(crate) fn new(pipe: P) -> Self {
        Self { pipe, is_wide: false }
    }

    fn note(&mut self, bytes: usize) {
        if bytes >= NARROW && !self.is_wide {
            self.is_wide = true;
            #[cfg(target_os = "linux")]
            if let Err(cause) = rustix::pipe::fcntl_setpipe_size(&self.pipe, WIDE) {
                // It works as it is.
                tracing::debug!(%cause, "pipe could not be made to hold more");
            }
        }
    }
}

impl<P: AsyncRead + AsFd + Unpin> AsyncRead for Widening<P> {
    fn poll_read(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.pipe).poll_read(ctx, buffer);
        self.note(buffer.filled().len() - before);
        read
    }
}

impl<P: AsyncWrite + AsFd + Unpin> AsyncWrite for Widening<P> {
    fn poll_write(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note(bytes.len());
        Pin::new(&mut self.pipe).poll_write(ctx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note(parts.iter().map(|part| part.len()).sum());
        Pin::new(&mut self.pipe).poll_write_vectored(ctx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(ctx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(ctx)
    }
}
