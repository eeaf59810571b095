//! What in a definition looks as if it were made to deceive.

use serde::Serialize;
use serde_json::Value;

use super::hidden::{hidden, visible};
use super::reserved::looks_reserved;
use crate::profile::SurfaceItem;
use crate::protocol::{ListKind, may_hold};

/// How deep a definition is looked into; deeper ones are flagged.
const MAX_DEPTH: usize = 128;

/// The longest place that a flag names.
const MAX_PLACE: usize = 120;

/// A reason to look twice at what a server offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SurfaceFlag {
    /// What it is about.
    pub kind: FlagKind,
    /// Where in the definition, such as `inputSchema.properties.path.description`; empty for all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What was found.
    pub detail: String,
}

/// What a flag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlagKind {
    /// It has the name of a tool of the gateway's own, or one that looks like it.
    GatewayName,
    /// It stands for another server's tool, or speaks of one.
    Shadows,
    /// It holds characters that a person does not see.
    HiddenCharacters,
}

impl FlagKind {
    /// Its name, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GatewayName => "gateway_name",
            Self::Shadows => "shadows",
            Self::HiddenCharacters => "hidden_characters",
        }
    }
}

impl SurfaceFlag {
    pub(crate) fn new(kind: FlagKind, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, field: field.into(), detail: detail.into() }
    }
}

/// The flags of an item that need no other item.
pub(crate) fn flags(item: &SurfaceItem) -> Vec<SurfaceFlag> {
    let mut found = Vec::new();
    if matches!(item.list, Some(ListKind::Tools | ListKind::Prompts))
        && let Some(reserved) = looks_reserved(&item.key)
    {
        let detail = format!("looks like `{reserved}`, which is the gateway's own");
        found.push(SurfaceFlag::new(FlagKind::GatewayName, "name", detail));
    }
    // Escapes may stand for anything; plain text, which most is, need not be read.
    if item.json.is_ascii() && !["\\u", "\\b", "\\f"].iter().any(|escape| may_hold(&item.json, escape)) {
        return found;
    }
    match serde_json::from_str::<Value>(&item.json) {
        Ok(value) => look(&value, "", 0, &mut found),
        Err(_) => found.push(SurfaceFlag::new(FlagKind::HiddenCharacters, "", "cannot be read as a whole")),
    }
    found
}

fn look(value: &Value, place: &str, depth: usize, found: &mut Vec<SurfaceFlag>) {
    if depth > MAX_DEPTH {
        return found.push(SurfaceFlag::new(FlagKind::HiddenCharacters, place, "is nested too deep to be looked at"));
    }
    match value {
        Value::String(text) => {
            if let Some(kind) = hidden(text) {
                found.push(SurfaceFlag::new(FlagKind::HiddenCharacters, place, kind));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                look(item, &join(place, &at.to_string()), depth + 1, found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let inner = join(place, key);
                if let Some(kind) = hidden(key) {
                    found.push(SurfaceFlag::new(
                        FlagKind::HiddenCharacters,
                        inner.as_str(),
                        format!("{kind} in a key"),
                    ));
                }
                look(member, &inner, depth + 1, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The place of a member, in a form that can be shown.
pub(super) fn join(place: &str, key: &str) -> String {
    let joined = if place.is_empty() { visible(key) } else { format!("{place}.{}", visible(key)) };
    if joined.chars().count() <= MAX_PLACE {
        return joined;
    }
    joined.chars().take(MAX_PLACE - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, json: &str) -> Vec<(FlagKind, String)> {
        let item = SurfaceItem { list: Some(ListKind::Tools), key: key.to_owned(), json: json.to_owned() };
        flags(&item).into_iter().map(|flag| (flag.kind, flag.field)).collect()
    }

    #[test]
    fn every_text_is_looked_at() {
        let hidden = |field: &str| vec![(FlagKind::HiddenCharacters, field.to_owned())];
        assert_eq!(of("x", r#"{"name":"x","description":"plain \"text\""}"#), []);
        assert_eq!(of("x", r#"{"name":"x","description":"a\u202eb"}"#), hidden("description"));
        assert_eq!(of("x", "{\"name\":\"x\u{200b}\"}"), hidden("name"));
        let nested = "{\"inputSchema\":{\"properties\":{\"p\":{\"enum\":[\"a\",\"b\u{e0041}\"]}}}}";
        assert_eq!(of("x", nested), hidden("inputSchema.properties.p.enum.1"));
        assert_eq!(of("x", "{\"inputSchema\":{\"a\u{200b}\":1}}"), hidden("inputSchema.a\\u{200B}"));
        assert_eq!(of("mcp_add", r#"{"name":"mcp_add"}"#), [(FlagKind::GatewayName, "name".to_owned())]);
        assert_eq!(of("x", "{\"a\":\"\u{fc}"), hidden(""), "what cannot be read is not let through");
    }
}
