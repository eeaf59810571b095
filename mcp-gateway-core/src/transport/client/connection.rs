//! One connection to one server: where messages go and where they come from.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Diagnostics;
use crate::error::Result;
use crate::protocol::Message;

/// Takes messages to the other side.
#[async_trait]
pub trait MessageSink: fmt::Debug + Send + Sync + 'static {
    /// Sends one message; returns once it is handed to the operating system or to its own bounded task.
    ///
    /// # Errors
    /// `Closed`, `Io` or `Network` when it cannot be sent.
    async fn send(&self, message: &Message) -> Result<()>;

    /// Ends the connection; the other side sees its end of input. Never fails, may be called twice.
    async fn close(&self);
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
    pub incoming: mpsc::Receiver<Message>,
    /// What else the server said, and why the connection ended.
    pub diagnostics: Arc<Diagnostics>,
}

impl Connection {
    /// Joins the two directions.
    pub fn new(sink: Arc<dyn MessageSink>, incoming: mpsc::Receiver<Message>, diagnostics: Arc<Diagnostics>) -> Self {
        Self { sink, incoming, diagnostics }
    }
}
