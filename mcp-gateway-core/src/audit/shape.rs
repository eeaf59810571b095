//! What arguments look like, without what they say.

use serde_json::Value;

use crate::protocol::RawJson;

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
}
