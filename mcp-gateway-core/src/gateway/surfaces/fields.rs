//! What differs between two definitions.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::flags::join;
use super::hidden::visible;
use crate::protocol::{RawJson, RawObject};

/// The most differences of one definition that are told.
const MAX_FIELDS: usize = 100;

/// How deep objects are compared member by member.
const MAX_DEPTH: usize = 24;

/// A field of a definition that is another one now.
///
/// Characters that cannot be seen are written out, such as `\u{202E}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FieldChange {
    /// Which, such as `inputSchema.properties.path.description`; empty for all of it.
    pub field: String,
    /// What it was; `null` where it was not there.
    pub before: Value,
    /// What it is; `null` where it is no more.
    pub after: Value,
}

/// The members in which two objects differ; `None` for what cannot be compared by members.
pub(super) fn changed_members(before: &str, after: &str) -> Option<BTreeSet<String>> {
    let object = |text: &str| RawJson::parse(text).and_then(|json| json.object()).ok();
    let (before, after) = (object(before)?, object(after)?);
    let differs = |one: &RawObject, other: &RawObject| -> Vec<String> {
        let differing = one.iter().filter(|(key, value)| {
            other.get(key).is_none_or(|member| member.canonical_hash() != value.canonical_hash())
        });
        differing.map(|(key, _)| key.to_owned()).collect()
    };
    let changed: BTreeSet<_> = differs(&before, &after).into_iter().chain(differs(&after, &before)).collect();
    // Of what has another hash, something must differ.
    (!changed.is_empty()).then_some(changed)
}

/// The fields in which two definitions differ.
pub(super) fn field_changes(before: Option<&str>, after: Option<&str>) -> Vec<FieldChange> {
    let read = |text: Option<&str>| text.map_or(Ok(Value::Null), serde_json::from_str);
    let mut found = Vec::new();
    if let (Ok(before), Ok(after)) = (read(before), read(after)) {
        compare("", &before, &after, 0, &mut found);
    }
    if found.is_empty() {
        // It differs in what values do not show, such as a key that stands twice.
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| visible(text).into());
        found.push(FieldChange { field: String::new(), before: text(before), after: text(after) });
    }
    found
}

fn compare(place: &str, before: &Value, after: &Value, depth: usize, found: &mut Vec<FieldChange>) {
    if before == after || found.len() >= MAX_FIELDS {
        return;
    }
    let empty = serde_json::Map::new();
    let members = |value: &Value| match value {
        Value::Object(members) => Some(members.clone()),
        // A whole definition that is new, or gone, is told by its members.
        Value::Null if place.is_empty() => Some(empty.clone()),
        _ => None,
    };
    if depth < MAX_DEPTH
        && let (Some(before), Some(after)) = (members(before), members(after))
    {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let of = |members: &serde_json::Map<String, Value>| members.get(key).cloned().unwrap_or_default();
            compare(&join(place, key), &of(&before), &of(&after), depth + 1, found);
        }
        return;
    }
    let (before, after) = (shown(before), shown(after));
    found.push(FieldChange { field: place.to_owned(), before, after });
}

/// A value in which everything can be seen.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => visible(text).into(),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (visible(key), shown(value))).collect())
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: Option<&str>, after: Option<&str>) -> Vec<(String, Value, Value)> {
        field_changes(before, after).into_iter().map(|field| (field.field, field.before, field.after)).collect()
    }

    #[test]
    fn a_change_is_told_field_by_field() {
        let before = r#"{"name":"x","description":"a","inputSchema":{"properties":{"p":{"type":"string"}}}}"#;
        let after = "{\"name\":\"x\",\"description\":\"a\u{200b}\",\"inputSchema\":{\"properties\":{\"q\":{\"type\":\"string\"}}}}";
        assert_eq!(
            told(Some(before), Some(after)),
            [
                ("description".to_owned(), json!("a"), json!("a\\u{200B}")),
                ("inputSchema.properties.p".to_owned(), json!({"type": "string"}), Value::Null),
                ("inputSchema.properties.q".to_owned(), Value::Null, json!({"type": "string"})),
            ]
        );
        let members = changed_members(before, after).unwrap();
        assert_eq!(members.into_iter().collect::<Vec<_>>(), ["description", "inputSchema"]);
        assert_eq!(told(None, Some(r#"{"name":"x"}"#)), [("name".to_owned(), Value::Null, json!("x"))]);
        assert_eq!(told(Some("\"one\""), Some("\"two\"")), [(String::new(), json!("one"), json!("two"))]);
    }

    #[test]
    fn what_values_do_not_show_is_told_all_the_same() {
        let (before, after) = (r#"{"a":1}"#, r#"{"a":1,"a":1}"#);
        assert_eq!(told(Some(before), Some(after)), [(String::new(), json!(before), json!(after))]);
        assert_eq!(changed_members(before, after), None);
        assert_eq!(changed_members(before, r#"{ "a":1}"#), None);
    }
}
