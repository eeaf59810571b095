//! What goes to a client by itself, through a bounded queue.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{ClientLink, Line, Message, RawJson, RequestId, RpcError};
use crate::transport::PendingRequests;
use crate::transport::server::unanswered::Unanswered;

/// The way to a client that is written to by one task, a line at a time.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    lines: mpsc::Sender<Line>,
    pending: Arc<PendingRequests>,
}

impl Outbox {
    pub(super) fn new(lines: mpsc::Sender<Line>) -> Self {
        Self { lines, pending: Arc::default() }
    }

    /// Requests to the client that wait for their answers.
    pub(super) fn pending(&self) -> &PendingRequests {
        &self.pending
    }

    fn try_send(&self, message: &Message) -> Result<()> {
        self.lines.try_send(message.to_line()).map_err(|error| match error {
            TrySendError::Full(_) => Error::new(ErrorKind::Overloaded, "client does not read what it is sent"),
            TrySendError::Closed(_) => Error::new(ErrorKind::Closed, "client is gone"),
        })
    }
}

#[async_trait]
impl ClientLink for Outbox {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        self.try_send(&Message::notification(method, params))
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        let mut waiting = self.pending.register()?;
        let unanswered = Unanswered::new(waiting.id(), |message| {
            // A client that is gone needs no cancelling.
            let _ = self.try_send(&message);
        });
        self.try_send(&Message::request(RequestId::number(waiting.id()), method, params))?;
        let answer = waiting.answer().await;
        unanswered.settle();
        answer
    }
}
