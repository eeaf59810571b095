//! Where messages from the server go, whatever stream they came by.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::super::Incoming;
use super::super::event_stream::Event;
use super::Redactor;
use crate::error::Result;
use crate::protocol::http::MESSAGE_EVENT;
use crate::protocol::{Message, RawJson, RequestId, RpcError};

/// Takes messages from the server to whoever reads the connection.
#[derive(Clone, Debug)]
pub(in crate::transport::client) struct Inbox {
    sender: mpsc::Sender<Incoming>,
    redactor: Redactor,
}

impl Inbox {
    pub(in crate::transport::client) fn new(sender: mpsc::Sender<Incoming>, redactor: Redactor) -> Self {
        Self { sender, redactor }
    }

    /// Hands on a message, waiting while the reader is behind.
    ///
    /// # Errors
    /// `Closed` when nobody reads any more.
    pub(in crate::transport::client) async fn deliver(&self, message: Message) -> Result<()> {
        self.sender.send(message.into()).await.map_err(|_| super::closed())
    }

    /// Hands on the messages of an event. What is no message is kept in the diagnostics and skipped.
    ///
    /// # Errors
    /// `Closed` when nobody reads any more.
    pub(in crate::transport::client) async fn deliver_event(&self, event: &Event) -> Result<()> {
        for message in self.messages(event) {
            self.deliver(message).await?;
        }
        Ok(())
    }

    /// As [`deliver_event`](Self::deliver_event), but gives back the answer to the request with this id.
    pub(super) async fn sort_event(&self, event: &Event, id: &RequestId) -> Result<Option<Answered>> {
        self.sort(self.messages(event), id).await
    }

    /// Hands on messages and gives back the answer to the request with this id.
    pub(super) async fn sort(&self, messages: Vec<Message>, id: &RequestId) -> Result<Option<Answered>> {
        let mut answer = None;
        for message in messages {
            match message {
                Message::Response { id: Some(found), result } if found == *id => answer = Some(result),
                message => {
                    let incoming = Incoming::with_origin(message, id.clone());
                    self.sender.send(incoming).await.map_err(|_| super::closed())?;
                }
            }
        }
        Ok(answer)
    }

    fn messages(&self, event: &Event) -> Vec<Message> {
        if event.name != MESSAGE_EVENT || event.data.is_empty() {
            return Vec::new();
        }
        parse_messages(&event.data).unwrap_or_else(|_| {
            self.redactor.note(&event.data);
            Vec::new()
        })
    }
}

/// What a server said to a request.
pub(super) type Answered = Result<RawJson, RpcError>;

/// Reads one message, or an array of them.
pub(super) fn parse_messages(bytes: &Bytes) -> Result<Vec<Message>> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return Message::take(bytes).map(|message| vec![message]);
    }
    Message::parse_batch(bytes)
}
