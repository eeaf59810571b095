//! What happened.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Decision, InstanceId, ProfileName, ServerName, SessionId};

/// Something that happened, before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditEvent {
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// The profile.
    pub profile: ProfileName,
    /// Who.
    pub principal: String,
    /// The session, if the request belonged to one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<SessionId>,
    /// What: a protocol method, or what the gateway did by itself, such as `server/start`.
    pub action: String,
    /// The server concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<ServerName>,
    /// The tool, prompt or resource concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The shape of the arguments: keys and types, no values.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shape: Option<Value>,
    /// The arguments themselves, where the operator asked for them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arguments: Option<Value>,
    /// SHA-256 over the arguments' JSON as the client wrote it, as `sha256:` and hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arguments_hash: Option<String>,
    /// SHA-256 over the result's JSON as the client got it, as `sha256:` and hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result_hash: Option<String>,
    /// Arguments and result, encrypted to whom the operator named; the text of an age file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed: Option<String>,
    /// What policy decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<Decision>,
    /// How it ended.
    pub outcome: Outcome,
    /// The error's text, where it ended badly.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// How long it took, in microseconds.
    pub duration_micros: u64,
    /// The running server: container id, process or connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instance: Option<InstanceId>,
    /// The trace that it was part of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
    /// What else is to be known about it, by action; never a secret's value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<Value>,
}

impl AuditEvent {
    /// An event of now that went well and took no time.
    pub fn new(profile: ProfileName, principal: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            time: crate::util::clock::now_millis(),
            profile,
            principal: principal.into(),
            session: None,
            action: action.into(),
            server: None,
            name: None,
            shape: None,
            arguments: None,
            arguments_hash: None,
            result_hash: None,
            sealed: None,
            decision: None,
            outcome: Outcome::Ok,
            error: None,
            duration_micros: 0,
            instance: None,
            traceparent: None,
            detail: None,
        }
    }

    /// The event as the JSON text that is kept, with texts and arguments cut to what a record may hold.
    ///
    /// # Errors
    /// `Internal` when it has no JSON form.
    pub(super) fn into_text(self) -> Result<String> {
        serde_json::to_string(&self.bounded())
            .map_err(|cause| Error::new(ErrorKind::Internal, "audit event has no JSON form").with_source(cause))
    }

    /// The event with every part cut to a size that a client cannot inflate.
    #[must_use]
    pub(super) fn bounded(mut self) -> Self {
        cut(&mut self.principal, MAX_NAME);
        cut(&mut self.action, MAX_NAME);
        for (text, most) in [(&mut self.name, MAX_TEXT), (&mut self.error, MAX_TEXT), (&mut self.traceparent, MAX_NAME)]
        {
            if let Some(text) = text {
                cut(text, most);
            }
        }
        if let Some(sealed) = self.sealed.take_if(|sealed| sealed.len() > MAX_SEALED) {
            // A part of a cipher text is of no use to anyone.
            self.sealed = Some(format!("left out: {} bytes", sealed.len()));
        }
        if let Some(decision) = &mut self.decision {
            cut(&mut decision.rule, MAX_TEXT);
            cut(&mut decision.reason, MAX_TEXT);
        }
        for value in [&mut self.shape, &mut self.arguments, &mut self.detail].into_iter().flatten() {
            let bytes = json_length(value);
            if bytes > MAX_VALUE {
                *value = Value::String(format!("left out: {bytes} bytes"));
            }
        }
        self
    }
}

/// The longest principal or action, in bytes.
const MAX_NAME: usize = 512;
/// The longest name of a tool or resource, error or reason, in bytes.
const MAX_TEXT: usize = 4096;
/// The longest arguments, shape or detail, in bytes of JSON.
const MAX_VALUE: usize = 64 * 1024;
/// The longest sealed payload, in bytes of its text.
const MAX_SEALED: usize = 1024 * 1024;

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

fn json_length(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A counter takes everything; a value that has no JSON form counts as far as it came.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was answered.
    Ok,
    /// The tool said that it failed.
    ToolError,
    /// The server answered with a JSON-RPC error.
    ServerError,
    /// Policy or a person refused it.
    Denied,
    /// A quota or another bound was reached.
    Limited,
    /// The gateway could not carry it out.
    Failed,
    /// Its caller gave up.
    Cancelled,
}

impl Outcome {
    /// The name that files and records use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::ServerError => "server_error",
            Self::Denied => "denied",
            Self::Limited => "limited",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_inflate_a_record() {
        let mut event = AuditEvent::new(ProfileName::new("p").unwrap(), "é".repeat(1000), "x".repeat(10_000_000));
        event.name = Some("☃".repeat(1_000_000));
        event.error = Some("e".repeat(1_000_000));
        event.arguments = Some(vec!["a"; 1_000_000].into());
        event.shape = Some("s".into());
        event.sealed = Some("x".repeat(2_000_000));
        let text = event.into_text().unwrap();
        assert!(text.len() < 16 * 1024, "{}", text.len());
        assert!(text.contains(r#""arguments":"left out: 4000001 bytes""#) && text.contains(r#""shape":"s""#));
    }
}
