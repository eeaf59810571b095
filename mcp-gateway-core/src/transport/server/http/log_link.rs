//! The way back to a client over one of its streams.

use std::sync::Arc;

use async_trait::async_trait;

use super::event_log::EventLog;
use crate::error::Result;
use crate::protocol::{ClientLink, Message, RawJson, RequestId, RpcError};
use crate::transport::PendingRequests;
use crate::transport::server::unanswered::Unanswered;

/// Writes to one event log; answers come back by any request of the session.
#[derive(Clone, Debug)]
pub(super) struct LogLink {
    pub(super) log: Arc<EventLog>,
    pub(super) pending: Arc<PendingRequests>,
}

#[async_trait]
impl ClientLink for LogLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        self.log.push_optional(Message::notification(method, params).to_json())
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        let mut waiting = self.pending.register()?;
        let message = Message::request(RequestId::number(waiting.id()), method, params);
        let unanswered = Unanswered::new(waiting.id(), |message| {
            // A client that is gone needs no cancelling.
            let _ = self.log.push_optional(message.to_json());
        });
        self.log.push(message.to_json())?;
        let answer = waiting.answer().await;
        unanswered.settle();
        answer
    }
}
