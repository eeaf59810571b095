//! One form for JSON that means the same, to compare by.

use sha2::{Digest as _, Sha256};

use super::RawJson;
use crate::error::{Error, ErrorKind, Result};

/// How deep a value may be nested to have a canonical form.
const MAX_DEPTH: usize = 128;

impl RawJson {
    /// The SHA-256, in hex, of the value in its canonical form.
    ///
    /// # Behavior
    /// - The canonical form has no space between its tokens, the keys of each object sorted by their bytes, texts with
    ///   the escapes that JSON requires and no others, and numbers as they were written.
    /// - A value that has none, with a key that stands twice or nested deeper than 128 levels, is hashed as it was
    ///   written: whatever differs then counts as different.
    pub fn canonical_hash(&self) -> String {
        let mut text = String::with_capacity(self.get().len());
        match write(self, &mut text, 0) {
            Ok(()) => hex::encode(Sha256::digest(text)),
            Err(_) => hex::encode(Sha256::digest(self.get())),
        }
    }
}

fn write(value: &RawJson, text: &mut String, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::TooLarge, "value is nested too deep"));
    }
    match value.get().as_bytes().first() {
        Some(b'{') => {
            let object = value.object()?;
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (at, (key, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(key).to_string());
                text.push(':');
                write(value, text, depth + 1)?;
            }
            text.push('}');
        }
        Some(b'[') => {
            text.push('[');
            for (at, item) in value.items()?.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text, depth + 1)?;
            }
            text.push(']');
        }
        Some(b'"') => text.push_str(&serde_json::Value::String(value.read()?).to_string()),
        _ => text.push_str(value.get()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        RawJson::parse(text).unwrap().canonical_hash()
    }

    #[test]
    fn order_space_and_escapes_do_not_count_and_everything_else_does() {
        let first = hash(r#"{"name":"x","inputSchema":{"type":"object","a":[1,{"b":"é/"}]}}"#);
        assert_eq!(
            first,
            hash("{ \"inputSchema\" : {\"a\":[1, {\"b\":\"\\u00e9\\/\"}],\n\"type\":\"object\"},\"name\":\"x\"}")
        );
        assert_eq!(first.len(), 64);
        for other in [
            r#"{"name":"y","inputSchema":{"type":"object","a":[1,{"b":"é/"}]}}"#,
            r#"{"name":"x","inputSchema":{"type":"object","a":[{"b":"é/"},1]}}"#,
            r#"{"name":"x","inputSchema":{"type":"object","a":[1.0,{"b":"é/"}]}}"#,
            r#"{"name":"x","inputSchema":{"type":"object","a":[1,{"b":"é/"}]},"annotations":null}"#,
        ] {
            assert_ne!(first, hash(other), "{other}");
        }
    }

    #[test]
    fn a_text_cannot_stand_for_structure() {
        assert_ne!(hash(r#"["a","b"]"#), hash(r#"["a\",\"b"]"#));
        assert_ne!(hash(r#"{"a":"1"}"#), hash(r#"{"a":1}"#));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_compared_as_written() {
        let twice = r#"{"a":{"readOnlyHint":true,"readOnlyHint":false}}"#;
        assert_ne!(hash(twice), hash(r#"{"a":{"readOnlyHint":false}}"#));
        assert_ne!(hash(twice), hash(r#"{"a":{"readOnlyHint":false,"readOnlyHint":true}}"#));
        let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert_ne!(hash(&deep(200)), hash(&deep(201)));
    }
}
