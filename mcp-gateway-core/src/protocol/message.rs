//! The JSON-RPC envelope.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Line, RawJson, RpcError};
use crate::error::{Error, ErrorKind, Result};

/// The id of a request: a text or a number, kept as it was written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// An id from a number.
    pub fn number(number: u64) -> Self {
        Self(number.to_string())
    }

    /// Takes the JSON of an id, as it stands in a valid message.
    ///
    /// # Errors
    /// `Protocol` when it is neither a text nor a number.
    pub fn from_json(json: &str) -> Result<Self> {
        match json.as_bytes().first() {
            Some(b'"' | b'-' | b'0'..=b'9') => Ok(Self(json.to_owned())),
            _ => Err(Error::new(ErrorKind::Protocol, "a request id must be a text or a number")),
        }
    }

    /// The number, if the gateway could have made this id.
    pub fn as_number(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The JSON of the id.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One JSON-RPC message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Message {
    /// Asks for an answer.
    Request {
        /// The id that the answer will carry.
        id: RequestId,
        /// The method.
        method: String,
        /// Its parameters.
        params: Option<RawJson>,
    },
    /// Tells something.
    Notification {
        /// The method.
        method: String,
        /// Its parameters.
        params: Option<RawJson>,
    },
    /// Answers a request.
    Response {
        /// The id of the request; `None` where the request could not be read.
        id: Option<RequestId>,
        /// The result, or the error.
        result: Result<RawJson, RpcError>,
    },
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(default)]
    jsonrpc: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

/// Tells `null`, which is a value, from an absent key.
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

impl Message {
    /// Reads one message in one pass; parameters and results stay raw.
    ///
    /// # Errors
    /// `Protocol` when it is not a JSON-RPC 2.0 message.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::take(&Bytes::copy_from_slice(bytes))
    }

    /// Reads one message, whose parameters or result go on to share its memory.
    pub(crate) fn take(bytes: &Bytes) -> Result<Self> {
        let wrong = |why: &'static str| Error::new(ErrorKind::Protocol, why);
        // An array would be taken for the values of the members, in the order in which they are declared.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(wrong("not a JSON-RPC message"));
        }
        let text =
            ByteString::try_from(bytes.clone()).map_err(|cause| wrong("not a JSON-RPC message").with_source(cause))?;
        let incoming: Incoming<'_> =
            serde_json::from_str(&text).map_err(|cause| wrong("not a JSON-RPC message").with_source(cause))?;
        if incoming.jsonrpc != Some("2.0") {
            return Err(wrong("not a JSON-RPC 2.0 message"));
        }
        let raw = |value| RawJson::part_of(&text, value);
        let params = incoming.params.map(raw);
        match (incoming.method, incoming.id, incoming.result, incoming.error) {
            (Some(method), Some(id), None, None) => {
                Ok(Self::Request { id: RequestId::from_json(id.get())?, method, params })
            }
            (Some(method), None, None, None) => Ok(Self::Notification { method, params }),
            (None, Some(id), Some(result), None) => {
                Ok(Self::Response { id: Some(RequestId::from_json(id.get())?), result: Ok(raw(result)) })
            }
            (None, id, None, Some(error)) => {
                let id = id.filter(|id| id.get() != "null").map(|id| RequestId::from_json(id.get())).transpose()?;
                Ok(Self::Response { id, result: Err(error) })
            }
            _ => Err(wrong("neither a request, a notification nor a response")),
        }
    }

    /// Reads several messages that came as one array.
    ///
    /// # Errors
    /// `Protocol` when it is no array of JSON-RPC 2.0 messages.
    pub fn parse_batch(bytes: &[u8]) -> Result<Vec<Self>> {
        let items: Vec<&RawValue> = serde_json::from_slice(bytes)
            .map_err(|cause| Error::new(ErrorKind::Protocol, "not a JSON-RPC batch").with_source(cause))?;
        items.into_iter().map(|item| Self::parse(item.get().as_bytes())).collect()
    }

    /// A request.
    pub fn request(id: RequestId, method: impl Into<String>, params: Option<RawJson>) -> Self {
        Self::Request { id, method: method.into(), params }
    }

    /// A notification.
    pub fn notification(method: impl Into<String>, params: Option<RawJson>) -> Self {
        Self::Notification { method: method.into(), params }
    }

    /// A response.
    pub fn response(id: RequestId, result: Result<RawJson, RpcError>) -> Self {
        Self::Response { id: Some(id), result }
    }

    /// The message as JSON text without a line break.
    pub fn to_json(&self) -> String {
        let Parts { head, body, tail } = self.parts();
        let mut text = head;
        if let Some(body) = body {
            text.reserve_exact(body.get().len() + tail.len());
            text.push_str(body.get());
            text.push_str(tail);
        }
        // Raw parts may hold line breaks, and only between tokens, where a space means the same.
        if memchr::memchr(b'\n', text.as_bytes()).is_some() { text.replace('\n', " ") } else { text }
    }

    /// The message as a line, in which what is large is not copied.
    pub(crate) fn to_line(&self) -> Line {
        let Parts { head, body, .. } = self.parts();
        let large =
            body.filter(|body| body.get().len() >= LARGE && memchr::memchr(b'\n', body.get().as_bytes()).is_none());
        match large {
            Some(body) => Line::of_parts(head, body.clone().into_bytes(), "}\n"),
            None => Line::from(self.to_json()),
        }
    }

    fn parts(&self) -> Parts<'_> {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut head = String::with_capacity(ENVELOPE);
        head.push_str("{\"jsonrpc\":\"2.0\"");
        let mut put = |key: &str, value: &str| {
            for part in [",\"", key, "\":", value] {
                head.push_str(part);
            }
        };
        let (key, body) = match self {
            Self::Request { id, method, params } => {
                put("id", id.as_json());
                put("method", &text(method));
                ("params", params.as_ref())
            }
            Self::Notification { method, params } => {
                put("method", &text(method));
                ("params", params.as_ref())
            }
            Self::Response { id, result } => {
                put("id", id.as_ref().map_or("null", RequestId::as_json));
                match result {
                    Ok(result) => ("result", Some(result)),
                    Err(error) => {
                        // Every part is text or valid JSON, so rendering cannot fail.
                        put("error", &serde_json::to_string(error).unwrap_or_default());
                        ("", None)
                    }
                }
            }
        };
        match body {
            Some(_) => put(key, ""),
            None => head.push('}'),
        }
        Parts { head, body, tail: "}" }
    }
}

/// About how long a message is without its parameters or result, in bytes.
const ENVELOPE: usize = 128;

/// From which length on what a message carries is not copied into its line, in bytes.
const LARGE: usize = 16 * 1024;

/// A message as text: what stands before its parameters or result, these, and what stands behind them.
struct Parts<'a> {
    head: String,
    body: Option<&'a RawJson>,
    tail: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_a_round_trip() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","n":12345678901234567890123}}"#,
            r#"{"jsonrpc":"2.0","id":"a-1","method":"ping"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no","data":{"a":1.0}}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse"}}"#,
        ] {
            assert_eq!(Message::parse(text.as_bytes()).unwrap().to_json(), text);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "[]",
            "hello",
            r#"["2.0",1,"ping"]"#,
            "{}",
            r#"{"jsonrpc":"1.0","method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}"#,
            "{\"jsonrpc\":\"2.0\",\"method\":\"\u{0}\"",
        ] {
            assert_eq!(Message::parse(text.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol, "{text}");
        }
        assert!(Message::parse(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn a_pretty_printed_result_stays_on_one_line() {
        let result = RawJson::parse("{\n \"a\": 1\n}").unwrap();
        assert!(!Message::response(RequestId::number(1), Ok(result)).to_json().contains('\n'));
    }
}
