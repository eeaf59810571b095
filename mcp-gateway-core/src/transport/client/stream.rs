//! A connection over any pair of byte streams: a child's pipes, a socket, memory.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Connection, Diagnostics, Incoming, MessageSink};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{Line, Message};
use crate::transport::lines::LineDecoder;

/// How many messages from a server may wait to be looked at; then the server has to wait.
pub const INCOMING_CAPACITY: usize = 256;

/// How many messages to a server may wait to be written; then the sender has to wait.
const OUTGOING_CAPACITY: usize = 64;

/// Speaks newline-delimited JSON over two byte streams.
///
/// # Behavior
/// - A line that is no message is kept in the diagnostics and skipped.
/// - A line over `max_message_bytes` ends the connection with `TooLarge`.
pub fn connect_stream(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    max_message_bytes: usize,
    diagnostics: Arc<Diagnostics>,
) -> Connection {
    let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
    tokio::spawn(read_lines(read, max_message_bytes, sender, Arc::clone(&diagnostics)));
    let (sink, _) = line_sink(write, Arc::clone(&diagnostics));
    Connection::new(sink, incoming, diagnostics)
}

/// Takes messages as lines to a byte stream, in a task of its own that ends with the sink or the stream. For runtimes with
/// streams of their own.
pub fn line_sink(
    write: impl AsyncWrite + Send + Unpin + 'static,
    diagnostics: Arc<Diagnostics>,
) -> (Arc<dyn MessageSink>, JoinHandle<()>) {
    let (lines, outgoing) = mpsc::channel(OUTGOING_CAPACITY);
    let writing = tokio::spawn(write_lines(write, outgoing, diagnostics));
    (Arc::new(StreamSink { lines: Mutex::new(Some(lines)) }), writing)
}

async fn read_lines(
    mut read: impl AsyncRead + Send + Unpin,
    max_message_bytes: usize,
    sender: mpsc::Sender<Incoming>,
    diagnostics: Arc<Diagnostics>,
) {
    let mut decoder = LineDecoder::new(max_message_bytes);
    loop {
        let count = tokio::select! {
            count = decoder.read_from(&mut read) => count,
            () = sender.closed() => return,
        };
        match count {
            Ok(0) => {
                return diagnostics.pipe_ended(Error::new(ErrorKind::Closed, "server closed its output")).await;
            }
            Ok(_) => {}
            Err(cause) => {
                return diagnostics.set_closed(Error::new(ErrorKind::Io, "cannot read from server").with_source(cause));
            }
        }
        loop {
            match decoder.next_line() {
                Ok(Some(line)) => {
                    if !deliver_line(&line, &sender, &diagnostics).await {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => return diagnostics.set_closed(error),
            }
        }
    }
}

/// Hands on one line of a server's output; says whether anyone still listens. For runtimes with streams of their own.
pub async fn deliver_line(line: &Bytes, sender: &mpsc::Sender<Incoming>, diagnostics: &Diagnostics) -> bool {
    // One version of the protocol lets a server send several messages as one array.
    let messages = match Message::take(line) {
        Ok(message) => vec![message],
        Err(_) => match Message::parse_batch(line) {
            Ok(messages) => messages,
            Err(_) => {
                diagnostics.note_line(line);
                return true;
            }
        },
    };
    for message in messages {
        if sender.send(message.into()).await.is_err() {
            return false;
        }
    }
    true
}

/// Takes lines to the writing task; a caller that gives up cannot leave half a line behind.
#[derive(Debug)]
struct StreamSink {
    lines: Mutex<Option<mpsc::Sender<Line>>>,
}

async fn write_lines(
    mut write: impl AsyncWrite + Send + Unpin,
    mut lines: mpsc::Receiver<Line>,
    diagnostics: Arc<Diagnostics>,
) {
    while let Some(line) = lines.recv().await {
        let written = async {
            write.write_all_buf(&mut line.into_buf()).await?;
            write.flush().await
        };
        if let Err(cause) = written.await {
            let reason = Error::new(ErrorKind::ServerExited, "cannot write to server").with_source(cause);
            return diagnostics.pipe_ended(reason).await;
        }
    }
    // The peer may be gone already, which is what was wanted.
    let _ = write.shutdown().await;
}

#[async_trait]
impl MessageSink for StreamSink {
    async fn send(&self, message: &Message) -> Result<()> {
        let closed = || Error::new(ErrorKind::Closed, "connection to the server is closed");
        let lines = self.locked().clone().ok_or_else(closed)?;
        lines.send(message.to_line()).await.map_err(|_| closed())
    }

    async fn close(&self) {
        self.locked().take();
    }
}

impl StreamSink {
    fn locked(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
