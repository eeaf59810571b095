//! One client over a pair of byte streams: newline-delimited JSON.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use super::refusal::{not_a_message, too_many};
use super::{ServerSession, SessionHost};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Principal;
use crate::protocol::{Message, RpcError, code};
use crate::transport::lines::LineDecoder;

/// Bounds and times of a client over byte streams.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamConfig {
    /// The largest message, in bytes. Default 16 MiB.
    pub max_message_bytes: usize,
    /// How many requests may be under way. Default 128.
    pub max_in_flight: usize,
    /// How many messages may wait to be written. Default 1,024.
    pub queue: usize,
    /// How long the client may take to read one message. Default 30 s.
    pub write_timeout: Duration,
    /// How long requests under way may go on after the end of input. Default 10 s.
    pub grace: Duration,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: 16 * 1024 * 1024,
            max_in_flight: 128,
            queue: 1_024,
            write_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves one client until its input ends, it stops reading, or `shutdown` fires.
///
/// # Behavior
/// - Requests run at the same time; answers come in the order in which they are ready.
/// - A line that is no message is answered with `-32700` or `-32600`, and the connection goes on.
/// - After the end of input, requests under way may finish for as long as the grace lasts and their answers are read.
///
/// # Errors
/// `TooLarge` when a message is over the limit, `Io` when the streams fail, `Timeout` when the client does not read, and
/// what opening the session says.
pub async fn serve_stream(
    host: Arc<dyn SessionHost>,
    principal: Principal,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    config: StreamConfig,
    shutdown: CancellationToken,
) -> Result<()> {
    let (lines, queue) = mpsc::channel(config.queue);
    let outbox = Outbox::new(lines.clone());
    let session = host.open(principal, Arc::new(outbox.clone())).await?;
    let stopped = shutdown.child_token();
    let writer = tokio::spawn(write_lines(write, queue, config.write_timeout, stopped.clone()));
    let mut client = Client { session, outbox, lines, config, running: JoinSet::new(), stopped };
    let outcome = client.read(read).await;
    client.finish().await;
    drop(client);
    let written = writer.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "writer of the client failed")));
    outcome.and(written)
}

struct Client {
    session: Arc<dyn ServerSession>,
    outbox: Outbox,
    lines: mpsc::Sender<String>,
    config: StreamConfig,
    running: JoinSet<()>,
    stopped: CancellationToken,
}

impl Client {
    async fn read(&mut self, mut read: impl AsyncRead + Send + Unpin) -> Result<()> {
        let mut decoder = LineDecoder::new(self.config.max_message_bytes);
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = tokio::select! {
                count = read.read(&mut chunk) => {
                    count.map_err(|cause| Error::new(ErrorKind::Io, "cannot read from the client").with_source(cause))?
                }
                () = self.stopped.cancelled() => return Ok(()),
            };
            if count == 0 {
                if let Some(line) = decoder.finish() {
                    self.take(&line).await;
                }
                return Ok(());
            }
            decoder.push(&chunk[..count]);
            loop {
                match decoder.next_line() {
                    Ok(Some(line)) => self.take(&line).await,
                    Ok(None) => break,
                    Err(error) => {
                        let answer = RpcError::new(code::INVALID_REQUEST, error.to_string());
                        self.answer(&Message::Response { id: None, result: Err(answer) }).await;
                        return Err(error);
                    }
                }
            }
            while self.running.try_join_next().is_some() {}
        }
    }

    async fn take(&mut self, line: &[u8]) {
        match Message::parse(line) {
            Err(error) => self.answer(&not_a_message(line, &error)).await,
            Ok(Message::Response { id, result }) => {
                if !id.is_some_and(|id| self.outbox.pending().resolve(&id, result)) {
                    tracing::debug!("client answered no request");
                }
            }
            // In order with the requests before it: a cancellation must find its request.
            Ok(Message::Notification { method, params }) => self.session.notification(method, params).await,
            Ok(Message::Request { id, .. }) if self.running.len() >= self.config.max_in_flight => {
                self.answer(&Message::response(id, Err(too_many(self.config.max_in_flight)))).await;
            }
            // What follows on it must not overtake the handshake.
            Ok(Message::Request { id, method, params }) if method == "initialize" => {
                let link = Arc::new(self.outbox.clone());
                let result = self.session.request(id.clone(), method, params, link).await;
                self.answer(&Message::response(id, result)).await;
            }
            Ok(Message::Request { id, method, params }) => {
                let (session, lines) = (Arc::clone(&self.session), self.lines.clone());
                let link = Arc::new(self.outbox.clone());
                self.running.spawn(async move {
                    let result = session.request(id.clone(), method, params, link).await;
                    // A client that is gone needs no answer.
                    let _ = lines.send(Message::response(id, result).to_json()).await;
                });
            }
        }
    }

    async fn answer(&self, message: &Message) {
        // A writer that has ended takes no answers; the reader sees that next.
        let _ = self.lines.send(message.to_json()).await;
    }

    /// Lets requests under way finish for a while, then ends the session.
    async fn finish(&mut self) {
        let running = &mut self.running;
        let finished = async { while running.join_next().await.is_some() {} };
        tokio::select! {
            _ = tokio::time::timeout(self.config.grace, finished) => {}
            () = self.stopped.cancelled() => {}
        }
        self.running.shutdown().await;
        self.outbox.pending().close(&Error::new(ErrorKind::Closed, "client is gone"));
        self.session.close().await;
    }
}

/// Writes until every sender is gone; a client that stops reading ends the connection.
async fn write_lines(
    mut write: impl AsyncWrite + Send + Unpin,
    mut queue: mpsc::Receiver<String>,
    limit: Duration,
    stopped: CancellationToken,
) -> Result<()> {
    while let Some(mut line) = queue.recv().await {
        line.push('\n');
        let written = async {
            write.write_all(line.as_bytes()).await?;
            if queue.is_empty() { write.flush().await } else { Ok(()) }
        };
        let failure = match tokio::time::timeout(limit, written).await {
            Ok(Ok(())) => continue,
            Ok(Err(cause)) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
                stopped.cancel();
                return Ok(());
            }
            Ok(Err(cause)) => Error::new(ErrorKind::Io, "cannot write to the client").with_source(cause),
            Err(_) => Error::new(ErrorKind::Timeout, "client does not read what it is sent")
                .with_context("waited", humantime::format_duration(limit)),
        };
        stopped.cancel();
        return Err(failure);
    }
    Ok(())
}
