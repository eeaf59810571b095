//! One connection to one server: where messages go and where they come from.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Diagnostics;
use crate::error::Result;
use crate::protocol::stateless::Routing;
use crate::protocol::{Message, RequestId};

/// Takes messages to the other side.
#[async_trait]
pub trait MessageSink: fmt::Debug + Send + Sync + 'static {
    /// Sends one message; returns once it is handed to the operating system or to its own bounded task.
    ///
    /// # Errors
    /// `Closed`, `Io` or `Network` when it cannot be sent.
    async fn send(&self, message: &Message) -> Result<()>;

    /// Sends one message of the stateless era. Byte streams carry everything in the message itself; HTTP needs the
    /// headers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    async fn send_routed(&self, message: &Message, _routing: &Routing) -> Result<()> {
        self.send(message).await
    }

    /// Ends the connection; the other side sees its end of input. Never fails, may be called twice.
    async fn close(&self);
}

/// A message from a server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// The request on whose own stream it came; `None` where all messages share one.
    pub origin: Option<RequestId>,
}

impl Incoming {
    /// A message that came on the stream of a request.
    pub fn with_origin(message: Message, origin: RequestId) -> Self {
        Self { message, origin: Some(origin) }
    }
}

impl From<Message> for Incoming {
    fn from(message: Message) -> Self {
        Self { message, origin: None }
    }
}

/// A connection to a server, before anything was said.
///
/// The connection is closed when `incoming` ends; `diagnostics` then tells why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    /// Takes messages to the server.
    pub sink: Arc<dyn MessageSink>,
    /// Messages from the server, in their order.
    pub incoming: mpsc::Receiver<Incoming>,
    /// What else the server said, and why the connection ended.
    pub diagnostics: Arc<Diagnostics>,
    /// Whether the transport belongs to the session era, so that nothing else is tried.
    pub has_handshake: bool,
}

impl Connection {
    /// Joins the two directions.
    pub fn new(sink: Arc<dyn MessageSink>, incoming: mpsc::Receiver<Incoming>, diagnostics: Arc<Diagnostics>) -> Self {
        Self { sink, incoming, diagnostics, has_handshake: false }
    }

    /// Says that the transport belongs to the session era.
    #[must_use]
    pub fn with_handshake(mut self) -> Self {
        self.has_handshake = true;
        self
    }
}
