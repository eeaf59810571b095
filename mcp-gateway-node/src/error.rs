//! The one place where the core's errors leave for JavaScript.
//!
//! An async function of napi cannot choose the `code` of its error, so every error travels as one JSON reason, and
//! `error.js` lifts it to a `GatewayError`.

use std::error::Error as StdError;

use mcp_gateway_core::{Error, ErrorKind, Retry};
use napi_derive::napi;
use serde_json::{Map, Value, json};

/// Every kind of error, for `error.js` and for tests.
#[napi]
pub fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.map(ErrorKind::as_str).into()
}

/// Packs an error for its way through napi.
pub(crate) fn to_napi(error: &Error) -> napi::Error {
    napi::Error::from_reason(reason(error))
}

/// The JSON of an error, which `error.js` lifts.
pub(crate) fn reason(error: &Error) -> String {
    json!({ "gatewayError": fields(error) }).to_string()
}

fn fields(error: &Error) -> Value {
    let context: Map<_, _> = error.context().map(|(key, value)| (key.to_owned(), value.into())).collect();
    json!({
        "message": error.to_string(),
        "kind": error.kind().as_str(),
        "operation": error.operation(),
        "context": context,
        "hints": error.hints().collect::<Vec<_>>(),
        "fault": error.fault().as_str(),
        "retryable": error.retry() == Retry::Later,
        "cause": error.source().map(cause),
    })
}

fn cause(source: &(dyn StdError + 'static)) -> Value {
    match source.downcast_ref::<Error>() {
        Some(error) => fields(error),
        None => json!({ "message": source.to_string(), "cause": source.source().map(cause) }),
    }
}
