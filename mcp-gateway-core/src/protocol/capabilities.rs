//! What a client can do, as servers may know it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Era;
use super::tasks::{EXTENSION, without_tasks};

/// The most bytes of capabilities that are passed on; a client that declares more is taken to declare none.
const MAX_BYTES: usize = 16 * 1024;

/// The capabilities of a client that the gateway passes on to servers; equal for clients that can do the same.
///
/// # Behavior
/// - What is asked of a client in the course of a call is limited to this: `roots`, `sampling`, `elicitation`.
/// - `tasks`, `extensions` and `experimental` are passed on as they came, for they change what a server offers.
/// - A capability that is no object is left out. Numbers are kept as far as 64 bits can.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ClientCapabilities(Option<Arc<str>>);

impl ClientCapabilities {
    /// The members that are passed on.
    const MEMBERS: [&'static str; 6] = ["elicitation", "experimental", "extensions", "roots", "sampling", "tasks"];

    /// A client that can do nothing beside asking.
    pub fn none() -> Self {
        Self::default()
    }

    /// What a client declared.
    pub fn of(declared: &Value) -> Self {
        let mut kept = Map::new();
        for member in Self::MEMBERS {
            if let Some(value) = declared.get(member).filter(|value| value.is_object()) {
                kept.insert(member.to_owned(), sorted(value));
            }
        }
        let text = Value::Object(kept.clone()).to_string();
        if kept.is_empty() || text.len() > MAX_BYTES { Self::none() } else { Self(Some(text.into())) }
    }

    /// The capabilities as JSON; the empty object for none.
    pub fn to_value(&self) -> Value {
        self.0.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// The same client, which follows no tasks of either era.
    #[must_use]
    pub fn without_tasks(&self) -> Self {
        if self.has("tasks") || self.has_extension(EXTENSION) {
            Self::of(&without_tasks(&self.to_value(), &[Era::Session, Era::Stateless]))
        } else {
            self.clone()
        }
    }

    /// The capabilities as JSON text, with its keys in order; `None` for none.
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The capability that a client needs to answer this request of a server; `None` for one that no client answers.
    pub fn needed(method: &str, params: &Value) -> Option<Value> {
        let needed = match method {
            "roots/list" => serde_json::json!({"roots": {}}),
            "sampling/createMessage" if params.get("tools").is_some() => serde_json::json!({"sampling": {"tools": {}}}),
            "sampling/createMessage" => serde_json::json!({"sampling": {}}),
            "elicitation/create" if params.get("mode").and_then(Value::as_str) == Some("url") => {
                serde_json::json!({"elicitation": {"url": {}}})
            }
            "elicitation/create" => serde_json::json!({"elicitation": {"form": {}}}),
            _ => return None,
        };
        Some(needed)
    }

    /// Whether the client can answer this request of a server.
    pub fn can_answer(&self, method: &str, params: &Value) -> bool {
        let declared = self.to_value();
        let has = |path: &[&str]| path.iter().try_fold(&declared, |value, key| value.get(key)).is_some();
        match method {
            "roots/list" => has(&["roots"]),
            "sampling/createMessage" if params.get("tools").is_some() => has(&["sampling", "tools"]),
            "sampling/createMessage" => has(&["sampling"]),
            "elicitation/create" if params.get("mode").and_then(Value::as_str) == Some("url") => {
                has(&["elicitation", "url"])
            }
            // The first version of elicitation had forms only and said so by an empty object.
            "elicitation/create" => has(&["elicitation", "form"]) || declared["elicitation"] == serde_json::json!({}),
            _ => false,
        }
    }

    /// Whether a server may be asked for a task in the way of the session era.
    pub fn has(&self, member: &str) -> bool {
        self.to_value().get(member).is_some()
    }

    /// Whether the client knows an extension.
    pub fn has_extension(&self, name: &str) -> bool {
        self.to_value().get("extensions").is_some_and(|extensions| extensions.get(name).is_some())
    }
}

/// The value with its keys in order, so that the same capabilities have the same text.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<_> = members.keys().collect();
            keys.sort_unstable();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&members[key]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_makes_no_other_client() {
        let one =
            serde_json::from_str(r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}}}"#).unwrap();
        let two =
            serde_json::from_str(r#"{"sampling":{"context":{},"tools":{}},"roots":{"listChanged":true}}"#).unwrap();
        assert_eq!(ClientCapabilities::of(&one), ClientCapabilities::of(&two));
        assert_eq!(ClientCapabilities::of(&json!({"unknown": {}, "roots": true})), ClientCapabilities::none());
    }

    #[test]
    fn a_client_is_asked_only_for_what_it_declared() {
        let all = ClientCapabilities::of(&json!({"roots": {}, "sampling": {}, "elicitation": {"url": {}}}));
        let ask = |method, params| all.can_answer(method, &params);
        assert!(ask("roots/list", json!({})));
        assert!(ask("sampling/createMessage", json!({"messages": []})));
        assert!(!ask("sampling/createMessage", json!({"tools": []})));
        assert!(ask("elicitation/create", json!({"mode": "url"})));
        assert!(!ask("elicitation/create", json!({"message": "who?"})));
        assert!(!ask("shell/run", json!({})));
        let old = ClientCapabilities::of(&json!({"elicitation": {}}));
        assert!(old.can_answer("elicitation/create", &json!({"message": "who?"})));
        assert!(!old.can_answer("elicitation/create", &json!({"mode": "url"})));
    }
}
