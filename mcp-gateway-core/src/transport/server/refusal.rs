//! Answers to what cannot be served.

use serde::de::IgnoredAny;

use crate::error::Error;
use crate::protocol::{Message, RpcError, code};

/// The answer to bytes that are no message.
pub(super) fn not_a_message(bytes: &[u8], error: &Error) -> Message {
    let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    let code = if is_json { code::INVALID_REQUEST } else { code::PARSE_ERROR };
    Message::Response { id: None, result: Err(RpcError::new(code, error.report())) }
}
