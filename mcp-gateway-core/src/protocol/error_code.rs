//! JSON-RPC errors, and the one table from the gateway's own errors to their codes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RawJson;
use crate::error::{Error, ErrorKind, Retry};

/// Codes of JSON-RPC and of MCP.
pub mod code {
    /// The text is not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// There is no such method here.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters are wrong, or name what does not exist.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The other side failed.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// The resource does not exist (session era).
    pub const RESOURCE_NOT_FOUND: i64 = -32002;
    /// The headers of a request say something else than its body (stateless era).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The client lacks a capability without which the request cannot be carried out (stateless era).
    pub const MISSING_CAPABILITY: i64 = -32021;
    /// The version of a request is not served (stateless era).
    pub const UNSUPPORTED_VERSION: i64 = -32022;
    /// The client has to send its user to an address first (session era, 2025-11-25).
    pub const URL_ELICITATION_REQUIRED: i64 = -32042;
    /// The gateway refused: policy, approval or a missing proof of identity.
    pub const DENIED: i64 = -32001;
    /// The server or the gateway cannot answer now; a retry may help.
    pub const UNAVAILABLE: i64 = -32003;
}

/// A JSON-RPC error; `data` stays raw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RpcError {
    /// The code.
    pub code: i64,
    /// The message.
    pub message: String,
    /// What else the peer said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RawJson>,
    /// What went wrong on the way, where no peer said this.
    #[serde(skip)]
    local: Option<Box<Error>>,
}

impl PartialEq for RpcError {
    fn eq(&self, other: &Self) -> bool {
        (self.code, &self.message, &self.data) == (other.code, &other.message, &other.data)
    }
}

impl RpcError {
    /// Makes an error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, local: None }
    }

    /// The answer to a request that came to nothing on the way; no peer has said this.
    pub fn local(error: Error) -> Self {
        Self { local: Some(Box::new(error.clone())), ..Self::from(&error) }
    }

    /// Whether it says that the one who asked took the request back, so that there is nobody to be told.
    pub fn is_cancelled(&self) -> bool {
        self.local.as_ref().is_some_and(|error| error.kind() == ErrorKind::Cancelled)
    }

    /// What went wrong on the way, where no peer said this.
    ///
    /// # Errors
    /// The error itself, when a peer did.
    pub fn into_local(mut self) -> Result<Error, Self> {
        self.local.take().map_or_else(|| Err(self), |error| Ok(*error))
    }

    /// The status with which HTTP carries this error in the stateless era.
    pub const fn status(&self) -> u16 {
        match self.code {
            code::PARSE_ERROR
            | code::INVALID_REQUEST
            | code::HEADER_MISMATCH
            | code::MISSING_CAPABILITY
            | code::UNSUPPORTED_VERSION => 400,
            code::METHOD_NOT_FOUND => 404,
            _ => 200,
        }
    }

    /// The answer to a method that is not served.
    pub fn method_not_found(method: &str) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("method `{method}` is not served here"))
    }
}

impl From<&Error> for RpcError {
    /// Tells the peer the message, context and hints, and the kind as data; causes stay inside.
    fn from(error: &Error) -> Self {
        let code = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotFound => code::INVALID_PARAMS,
            ErrorKind::Unsupported => code::METHOD_NOT_FOUND,
            ErrorKind::Denied | ErrorKind::Unauthorized => code::DENIED,
            ErrorKind::RuntimeUnavailable
            | ErrorKind::StartFailed
            | ErrorKind::ServerExited
            | ErrorKind::Overloaded
            | ErrorKind::Timeout
            | ErrorKind::Cancelled
            | ErrorKind::Closed
            | ErrorKind::Network => code::UNAVAILABLE,
            ErrorKind::InvalidConfig
            | ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::MissingSecret
            | ErrorKind::Protocol
            | ErrorKind::TooLarge
            | ErrorKind::Io
            | ErrorKind::Internal => code::INTERNAL_ERROR,
        };
        let hints: Vec<&str> = error.hints().collect();
        let data = json!({
            "kind": error.kind().as_str(),
            "retry": error.retry() == Retry::Later,
            "hints": hints,
        });
        let mut message = error.to_string();
        for hint in hints {
            message.push_str("; ");
            message.push_str(hint);
        }
        Self { code, message, data: RawJson::from_value(&data).ok(), local: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_and_tells_its_name() {
        for kind in ErrorKind::ALL {
            let rpc = RpcError::from(&Error::new(kind, "x"));
            assert!((-32768..=-32000).contains(&rpc.code));
            assert!(rpc.data.unwrap().get().contains(kind.as_str()));
        }
    }
}
