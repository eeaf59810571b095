//! Requests to a client that nobody waits for any more.

use crate::protocol::{Message, RawJson};

/// Tells a client that a request needs no answer any more, unless it was settled.
pub(super) struct Unanswered<F: FnOnce(Message)> {
    id: u64,
    tell: Option<F>,
}

impl<F: FnOnce(Message)> Unanswered<F> {
    pub(super) fn new(id: u64, tell: F) -> Self {
        Self { id, tell: Some(tell) }
    }

    /// The answer has come, or none can come any more.
    pub(super) fn settle(mut self) {
        self.tell = None;
    }
}

impl<F: FnOnce(Message)> Drop for Unanswered<F> {
    fn drop(&mut self) {
        let Some(tell) = self.tell.take() else { return };
        let params = serde_json::json!({"requestId": self.id, "reason": "the answer is not needed any more"});
        if let Ok(params) = RawJson::from_value(&params) {
            tell(Message::notification("notifications/cancelled", Some(params)));
        }
    }
}
