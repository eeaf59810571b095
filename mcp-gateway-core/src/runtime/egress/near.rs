//! The near side of a connection of which some was read already, counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::carry::{Activity, Begun, Traffic};

/// A connection that gives first what was read of it.
pub(super) struct Near<S> {
    stream: S,
    bytes: BytesMut,
    traffic: Arc<Traffic>,
    active: Arc<Activity>,
}

impl<S> Near<S> {
    pub(super) fn new(begun: Begun<S>, traffic: Arc<Traffic>, active: Arc<Activity>) -> Self {
        Self { stream: begun.stream, bytes: begun.bytes, traffic, active }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Near<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.bytes.is_empty() {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let count = self.bytes.len().min(buf.remaining());
            buf.put_slice(&self.bytes.split_to(count));
        }
        self.traffic.sent.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        self.active.moved();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Near<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.traffic.received.fetch_add(written as u64, Ordering::Relaxed);
        self.active.moved();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
