//! What arguments look like, without what they say.

use serde_json::{Map, Value};

use crate::protocol::RawJson;

/// The deepest level that a shape shows.
const SHAPE_DEPTH: usize = 4;
/// The most keys of one object that a shape shows.
const SHAPE_KEYS: usize = 64;

/// The shape of arguments: keys with the types of their values and the lengths of texts and lists, no values.
///
/// Of objects with more than 64 keys, the first 64 are shown; of objects in the fifth level, how many keys they have.
pub fn argument_shape(arguments: &RawJson) -> Value {
    shape(arguments, 0)
}

fn shape(value: &RawJson, level: usize) -> Value {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => match value.object() {
            Ok(members) if level < SHAPE_DEPTH => {
                let shown = members.iter().take(SHAPE_KEYS);
                shown.map(|(key, value)| (key.to_owned(), shape(value, level + 1))).collect::<Map<_, _>>().into()
            }
            Ok(members) => format!("object({})", members.iter().count()).into(),
            Err(_) => "object".into(),
        },
        Some(b'[') => format!("array({})", value.items().map_or(0, |items| items.len())).into(),
        Some(b'"') => match text.get(1..text.len() - 1) {
            Some(plain) if memchr::memchr(b'\\', plain.as_bytes()).is_none() => {
                format!("string({})", plain.chars().count()).into()
            }
            _ => value
                .read::<String>()
                .map_or("string".into(), |text| format!("string({})", text.chars().count()).into()),
        },
        Some(b't' | b'f') => "boolean".into(),
        Some(b'n') => "null".into(),
        _ => "number".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_no_values() {
        let arguments = RawJson::parse(r#"{"token":"hunter2","n":5,"list":[1,2],"o":{"x":null}}"#).unwrap();
        assert_eq!(
            argument_shape(&arguments),
            serde_json::json!({"list": "array(2)", "n": "number", "o": {"x": "null"}, "token": "string(7)"})
        );
    }
}
