//! What a record says.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Decision, InstanceId, ProfileName, ServerName, SessionId};
use crate::protocol::RawJson;

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
    /// What: a protocol method, or `server/start`, `server/stop`.
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
            decision: None,
            outcome: Outcome::Ok,
            error: None,
            duration_micros: 0,
            instance: None,
            traceparent: None,
        }
    }
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
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An event in its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// The hash of the record before; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over the number, the hash before and the event's JSON, in hex.
    pub hash: String,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
}

impl AuditRecord {
    /// The `previous` of the first record.
    pub const GENESIS: &'static str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// Gives an event its place after the record with hash `previous`.
    pub fn seal(sequence: u64, previous: &str, event: AuditEvent) -> Self {
        let hash = Self::hash_of(sequence, previous, &event);
        Self { sequence, previous: previous.to_owned(), hash, event }
    }

    /// Whether the hash is the one of this content.
    pub fn is_intact(&self) -> bool {
        self.hash == Self::hash_of(self.sequence, &self.previous, &self.event)
    }

    fn hash_of(sequence: u64, previous: &str, event: &AuditEvent) -> String {
        let mut hasher = Sha256::new();
        hasher.update(sequence.to_be_bytes());
        hasher.update(previous.as_bytes());
        hasher.update(serde_json::to_vec(event).unwrap_or_default());
        hex::encode(hasher.finalize())
    }
}

/// Which records are wanted; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditQuery {
    /// Not before this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Of this server.
    pub server: Option<ServerName>,
    /// Of this tool, prompt or resource.
    pub name: Option<String>,
    /// By this principal.
    pub principal: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// After this sequence number.
    pub after: Option<u64>,
    /// The newest so many; `None` for all.
    pub limit: Option<usize>,
}

impl AuditQuery {
    /// Every record.
    pub fn all() -> Self {
        Self::default()
    }

    /// The newest `limit` records.
    pub fn newest(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// Whether a record matches; `limit` does not count.
    pub fn matches(&self, record: &AuditRecord) -> bool {
        let event = &record.event;
        self.since.is_none_or(|since| event.time >= since)
            && self.server.as_ref().is_none_or(|server| event.server.as_ref() == Some(server))
            && self.name.as_ref().is_none_or(|name| event.name.as_ref() == Some(name))
            && self.principal.as_ref().is_none_or(|principal| event.principal == *principal)
            && self.outcome.is_none_or(|outcome| event.outcome == outcome)
            && self.after.is_none_or(|after| record.sequence > after)
    }
}

/// The deepest level that a shape shows.
const SHAPE_DEPTH: usize = 4;
/// The most keys of one object that a shape shows.
const SHAPE_KEYS: usize = 64;

/// The shape of arguments: keys with the types of their values and the lengths of texts and lists, no values.
pub fn argument_shape(arguments: &RawJson) -> Value {
    arguments.read::<Value>().map_or(Value::Null, |value| shape(&value, 0))
}

fn shape(value: &Value, depth: usize) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) => format!("string({})", text.chars().count()).into(),
        Value::Array(items) => format!("array({})", items.len()).into(),
        Value::Object(members) if depth < SHAPE_DEPTH => {
            members.iter().take(SHAPE_KEYS).map(|(key, value)| (key.clone(), shape(value, depth + 1))).collect()
        }
        Value::Object(members) => format!("object({})", members.len()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_no_values() {
        let arguments = RawJson::parse(r#"{"token":"hunter2","n":5,"list":[1,2],"o":{"x":null}}"#).unwrap();
        assert_eq!(
            argument_shape(&arguments).to_string(),
            r#"{"list":"array(2)","n":"number","o":{"x":"null"},"token":"string(7)"}"#
        );
    }

    #[test]
    fn an_edit_breaks_the_hash() {
        let event = AuditEvent::new(ProfileName::new("p").unwrap(), "local", "tools/call");
        let mut record = AuditRecord::seal(1, AuditRecord::GENESIS, event);
        assert!(record.is_intact());
        record.event.principal = "other".to_owned();
        assert!(!record.is_intact());
    }
}
