//! Values of a server's configuration, held against what its catalog entry says that they are.

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ServerEntry;

/// How deep a schema is looked into.
const MAX_DEPTH: usize = 16;

/// Words of schemas that narrow a value down in a way that is not looked at here: what they are about is an operator's.
const OTHERS: [&str; 21] = [
    "$dynamicRef",
    "$ref",
    "allOf",
    "anyOf",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// The values that a server can be configured by, each with its schema.
pub(super) fn properties(entry: &ServerEntry) -> IndexMap<&str, &Value> {
    let all = entry.config.iter().filter_map(|config| config.schema.get("properties")?.as_object());
    all.flatten().map(|(key, schema)| (key.as_str(), schema)).collect()
}

/// The values that have to be there and are not.
pub(super) fn missing(entry: &ServerEntry, config: &IndexMap<String, Value>) -> Vec<String> {
    let known = properties(entry);
    let has_default = |key: &str| known.get(key).is_some_and(|schema| schema.get("default").is_some());
    let required = entry.config.iter().filter_map(|config| config.schema.get("required")?.as_array()).flatten();
    let required = required.filter_map(Value::as_str);
    required.filter(|key| !config.contains_key(*key) && !has_default(key)).map(str::to_owned).collect()
}

/// Checks values.
///
/// # Errors
/// `InvalidInput` for one that the entry does not have, or that its schema does not allow; `Unsupported` for one whose
/// schema says more than is looked at here.
pub(super) fn check(entry: &ServerEntry, config: &IndexMap<String, Value>) -> Result<()> {
    let known = properties(entry);
    for (key, value) in config {
        let Some(schema) = known.get(key.as_str()) else {
            let wrong = format!("server `{}` has no configuration `{key}`", entry.name);
            let names: Vec<_> = known.keys().map(|key| format!("`{key}`")).collect();
            let hint = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            return Err(Error::new(ErrorKind::InvalidInput, wrong).with_hint(hint));
        };
        check_value(schema, value, key, 0).map_err(|error| error.with_context("server", &entry.name))?;
    }
    Ok(())
}

fn check_value(schema: &Value, value: &Value, at: &str, depth: usize) -> Result<()> {
    let Some(schema) = schema.as_object() else {
        return if *schema == Value::Bool(false) { Err(wrong(at, "cannot have a value")) } else { Ok(()) };
    };
    if depth > MAX_DEPTH {
        return Err(wrong(at, "is nested too deep"));
    }
    if let Some(word) = OTHERS.iter().find(|word| schema.contains_key(**word)) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("`{at}` has a schema with `{word}`, which is not checked"),
        )
        .with_hint("an operator can set it in the profile"));
    }
    check_kind(schema, value, at)?;
    match value {
        Value::Number(number) => check_bounds(schema, at, number.as_f64().unwrap_or(f64::NAN), ["minimum", "maximum"]),
        Value::String(text) => {
            let length = text.chars().count() as f64;
            check_bounds(schema, at, length, ["minLength", "maxLength"])?;
            let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return Ok(()) };
            match Regex::new(pattern) {
                Ok(pattern) if pattern.is_match(text) => Ok(()),
                _ => Err(wrong(at, &format!("does not match `{pattern}`"))),
            }
        }
        Value::Array(items) => {
            check_bounds(schema, at, items.len() as f64, ["minItems", "maxItems"])?;
            let Some(each) = schema.get("items") else { return Ok(()) };
            let check = |(index, item)| check_value(each, item, &format!("{at}/{index}"), depth + 1);
            items.iter().enumerate().try_for_each(check)
        }
        Value::Object(members) => check_members(schema, members, at, depth),
        _ => Ok(()),
    }
}

fn check_kind(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<()> {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    };
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(wrong(at, "has a schema without a meaning")),
        // Without a word, whatever is not nothing.
        None if value.is_null() => return Err(wrong(at, "has no value")),
        None => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        return Err(wrong(at, &format!("is not of type {}", kinds.join(" or "))));
    }
    let allowed = schema.get("enum").and_then(Value::as_array);
    if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        return Err(wrong(at, &format!("is not one of {}", allowed.join(", "))));
    }
    match schema.get("const") {
        Some(only) if only != value => Err(wrong(at, &format!("is not {only}"))),
        _ => Ok(()),
    }
}

fn check_members(schema: &Map<String, Value>, members: &Map<String, Value>, at: &str, depth: usize) -> Result<()> {
    let known = schema.get("properties").and_then(Value::as_object);
    for (key, value) in members {
        let at = format!("{at}/{key}");
        match (known.and_then(|known| known.get(key)), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema)) => check_value(schema, value, &at, depth + 1)?,
            (None, None) => {}
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut absent = required.filter(|key| !members.contains_key(*key));
    absent.next().map_or(Ok(()), |key| Err(wrong(at, &format!("lacks `{key}`"))))
}

fn check_bounds(schema: &Map<String, Value>, at: &str, size: f64, [least, most]: [&str; 2]) -> Result<()> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    match (bound(least), bound(most)) {
        (Some(bound), _) if size < bound || size.is_nan() => Err(wrong(at, &format!("is below {least} {bound}"))),
        (_, Some(bound)) if size > bound || size.is_nan() => Err(wrong(at, &format!("is above {most} {bound}"))),
        _ => Ok(()),
    }
}

fn wrong(at: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("configuration `{at}` {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{ConfigEntry, ServerName};

    fn entry(schema: &Value) -> ServerEntry {
        let mut entry = ServerEntry::image(ServerName::new("s").unwrap(), "x");
        entry.config = vec![ConfigEntry { name: "s".to_owned(), schema: schema.as_object().unwrap().clone() }];
        entry
    }

    fn verdict(schema: Value, value: Value) -> Result<()> {
        let entry = entry(&json!({"type": "object", "properties": {"x": schema}}));
        check(&entry, &IndexMap::from([("x".to_owned(), value)]))
    }

    #[test]
    fn what_a_schema_allows_is_taken_and_nothing_else() {
        let paths = json!({"type": "array", "items": {"type": "string", "pattern": "^/srv/"}, "maxItems": 2});
        for (schema, good, bad) in [
            (json!({"type": "string"}), json!("a"), json!(1)),
            (json!({"type": "integer", "minimum": 1, "maximum": 9}), json!(9), json!(10)),
            (json!({"type": "integer"}), json!(1.0), json!(1.5)),
            (json!({"type": ["string", "null"]}), json!(null), json!(false)),
            (json!({"enum": ["a", "b"]}), json!("b"), json!("c")),
            (json!({"type": "string", "maxLength": 2}), json!("éé"), json!("éée")),
            (paths.clone(), json!(["/srv/a"]), json!(["/etc"])),
            (paths, json!([]), json!(["/srv/a", "/srv/b", "/srv/c"])),
            (
                json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false}),
                json!({"a": "x"}),
                json!({"b": 1}),
            ),
            (json!({"type": "object", "required": ["a"]}), json!({"a": 1}), json!({})),
            (json!({}), json!([1]), json!(null)),
        ] {
            verdict(schema.clone(), good).unwrap();
            let error = verdict(schema.clone(), bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{schema}");
        }
        assert_eq!(verdict(json!({"anyOf": []}), json!(1)).unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(verdict(json!({"pattern": "("}), json!("(")).is_err(), "what cannot be checked is refused");
    }

    #[test]
    fn unknown_values_are_refused_and_required_ones_are_named() {
        let entry = entry(&json!({
            "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}},
            "required": ["a", "b"],
        }));
        assert_eq!(missing(&entry, &IndexMap::new()), ["a"]);
        assert!(missing(&entry, &IndexMap::from([("a".to_owned(), json!("y"))])).is_empty());
        let error = check(&entry, &IndexMap::from([("c".to_owned(), json!("y"))])).unwrap_err();
        assert_eq!(error.hints().collect::<Vec<_>>(), ["it has `a`, `b`"]);
    }
}
