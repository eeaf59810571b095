//! Answers that are no success.

use crate::error::{Error, ErrorKind, Fault};
use crate::protocol::{Message, RawJson, RequestId, RpcError};

/// An answer that is no success.
#[derive(Debug)]
pub(in crate::transport::client) struct Refusal {
    pub(super) status: u16,
    pub(super) host: String,
    pub(super) body: Vec<u8>,
    /// The beginning of the body, without secrets.
    pub(super) excerpt: String,
    pub(super) retry_after: Option<String>,
}

impl Refusal {
    /// The status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The JSON-RPC answer to the request with this id, if the body is one.
    pub(super) fn answer_to(&self, id: &RequestId) -> Option<Result<RawJson, RpcError>> {
        match Message::parse(&self.body) {
            // A failed request cannot have a result.
            Ok(Message::Response { id: Some(found), result: Err(error) }) if found == *id => Some(Err(error)),
            _ => None,
        }
    }

    /// Whether the server does not know the session that the request named.
    ///
    /// The protocol says 404; servers built on an early example of the TypeScript SDK say 400 and name the session.
    pub(super) fn session_is_gone(&self) -> bool {
        match self.status {
            404 => true,
            400 => String::from_utf8_lossy(&self.body).to_ascii_lowercase().contains("session"),
            _ => false,
        }
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }

    /// The error that a caller sees.
    pub(in crate::transport::client) fn into_error(self) -> Error {
        let kind = match self.status {
            401 | 403 => ErrorKind::Unauthorized,
            408 | 504 => ErrorKind::Timeout,
            429 => ErrorKind::Overloaded,
            500.. => ErrorKind::Network,
            _ => ErrorKind::Protocol,
        };
        let mut error =
            Error::new(kind, format!("server answered HTTP {}", self.status)).with_context("host", self.host);
        if !self.excerpt.is_empty() {
            error = error.with_context("body", self.excerpt);
        }
        match self.status {
            401 | 403 => error.with_hint("check the secrets that the server's headers carry"),
            425 | 429 | 500.. => {
                let error = error.with_fault(Fault::Server).retry_later();
                match self.retry_after {
                    Some(when) => error.with_context("retry after", when),
                    None => error,
                }
            }
            _ => error,
        }
    }
}
