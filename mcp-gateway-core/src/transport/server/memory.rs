//! One client in this process: whole messages instead of bytes, without a line to find or a chunk to copy.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::stream::{Client, StreamConfig};
use super::{SessionHost, outbox::Outbox};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Principal;
use crate::protocol::Line;

/// The client's end of a connection that [`connect_memory`] has made.
///
/// # Behavior
/// - `send` never waits; `receive` loses nothing when its future is dropped.
/// - Dropping it ends the connection, as does `close`.
#[derive(Debug)]
pub struct MemoryClient {
    incoming: mpsc::Sender<Bytes>,
    outgoing: tokio::sync::Mutex<mpsc::Receiver<Line>>,
    max_message_bytes: usize,
    shutdown: CancellationToken,
}

impl MemoryClient {
    /// Sends one message, as JSON text.
    ///
    /// # Errors
    /// `Closed` once the connection has ended, `Overloaded` while too many messages wait to be read, `TooLarge`.
    pub fn send(&self, message: impl Into<Vec<u8>>) -> Result<()> {
        let message = Bytes::from(message.into());
        if message.len() > self.max_message_bytes {
            return Err(Error::new(ErrorKind::TooLarge, "message is over the limit")
                .with_operation("MemoryClient::send")
                .with_context("bytes", message.len())
                .with_context("limit", self.max_message_bytes));
        }
        self.incoming.try_send(message).map_err(|cause| {
            let error = match cause {
                mpsc::error::TrySendError::Full(_) => {
                    Error::new(ErrorKind::Overloaded, "messages of the client are not read as fast as they come")
                }
                mpsc::error::TrySendError::Closed(_) => Error::new(ErrorKind::Closed, "the connection has ended"),
            };
            error.with_operation("MemoryClient::send")
        })
    }

    /// The next message of the gateway; `None` once the connection has ended.
    pub async fn receive(&self) -> Option<String> {
        self.outgoing.lock().await.recv().await.map(Line::into_text)
    }

    /// Ends the connection; what was received by then can still be read.
    pub fn close(&self) {
        self.shutdown.cancel();
    }
}

impl Drop for MemoryClient {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Serves a client of this process by messages; the connection lives until either end closes it or `shutdown` fires.
///
/// # Behavior
/// - As [`serve_stream`](super::serve_stream), without its bytes: there is no write timeout, because a client that does
///   not read keeps its answers waiting and loses notifications, as its queue says.
///
/// # Errors
/// What opening the session says.
pub async fn connect_memory(
    host: Arc<dyn SessionHost>,
    principal: Principal,
    config: StreamConfig,
    shutdown: CancellationToken,
) -> Result<MemoryClient> {
    let (lines, outgoing) = mpsc::channel(config.queue);
    let (incoming, messages) = mpsc::channel(config.queue);
    let outbox = Outbox::new(lines.clone());
    let session = host.open(principal, Some(Arc::new(outbox.clone()))).await?;
    let stopped = shutdown.child_token();
    let max_message_bytes = config.max_message_bytes;
    let mut client = Client::new(session, outbox, lines, config);
    let served = stopped.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = client.read_messages(messages) => {}
            () = served.cancelled() => {}
        }
        client.finish(&served).await;
    });
    Ok(MemoryClient { incoming, outgoing: tokio::sync::Mutex::new(outgoing), max_message_bytes, shutdown: stopped })
}
