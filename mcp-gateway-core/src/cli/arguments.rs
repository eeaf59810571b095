//! Arguments of a tool call, as a person types them.

use std::io::Read as _;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// The largest argument object that standard input may give: 16 MiB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Reads arguments: `key=value`, `key:=json`, or `-` for an object on standard input.
///
/// A value is JSON where it is JSON of a type that the tool's schema names, and text otherwise.
///
/// # Errors
/// `InvalidInput` for a word that is none of these and for a key that is given twice.
pub(crate) fn read(words: &[String], json: Option<&str>, schema: &Value) -> Result<Map<String, Value>> {
    let mut arguments = match json {
        Some(text) => object(text, "`--json`")?,
        None => Map::new(),
    };
    for word in words {
        if word == "-" {
            for (key, value) in object(&piped()?, "standard input")? {
                insert(&mut arguments, &key, value)?;
            }
            continue;
        }
        let Some((key, text)) = word.split_once('=') else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{word}` is not an argument"))
                .with_hint("write `key=value`, `key:=json`, or `-` to read a JSON object from standard input"));
        };
        match key.strip_suffix(':') {
            Some(key) => {
                let value = serde_json::from_str(text).map_err(|cause| {
                    Error::new(ErrorKind::InvalidInput, format!("the value of `{key}` is not JSON")).with_source(cause)
                })?;
                insert(&mut arguments, key, value)?;
            }
            None => insert(&mut arguments, key, typed(text, &types(schema, key)))?,
        }
    }
    Ok(arguments)
}

/// Whether the words need the tool's schema to be understood.
pub(crate) fn need_schema(words: &[String]) -> bool {
    words.iter().any(|word| word.split_once('=').is_some_and(|(key, _)| !key.ends_with(':')))
}

fn insert(arguments: &mut Map<String, Value>, key: &str, value: Value) -> Result<()> {
    match arguments.insert(key.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::InvalidInput, format!("argument `{key}` is given twice"))),
    }
}

fn object(text: &str, origin: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::new(ErrorKind::InvalidInput, format!("{origin} holds JSON that is not an object"))),
        Err(cause) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("{origin} does not hold JSON")).with_source(cause))
        }
    }
}

fn piped() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot read standard input").with_source(cause))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::TooLarge, "standard input holds more than 16 MiB"));
    }
    Ok(text)
}

/// The types that a schema names for a property; none where it names none.
fn types(schema: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&schema["properties"][key], &mut found);
    found
}

fn collect(property: &Value, found: &mut Vec<String>) {
    match &property["type"] {
        Value::String(name) => found.push(name.clone()),
        Value::Array(names) => found.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
        _ => {}
    }
    for word in ["anyOf", "oneOf"] {
        for choice in property[word].as_array().into_iter().flatten() {
            collect(choice, found);
        }
    }
}

fn typed(text: &str, types: &[String]) -> Value {
    match serde_json::from_str::<Value>(text) {
        // Quotation marks belong to a text; `:=` is there for JSON texts.
        Ok(value) if !value.is_string() && (types.is_empty() || types.iter().any(|name| is_of(&value, name))) => value,
        _ => Value::String(text.to_owned()),
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(words: &[&str]) -> Result<Value> {
        let schema = json!({"properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "ratio": {"type": ["number", "null"]},
            "list": {"anyOf": [{"type": "array"}, {"type": "string"}]},
        }});
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        read(&words, None, &schema).map(Value::Object)
    }

    #[test]
    fn values_have_the_type_that_the_schema_wants() {
        let read = call(&["text=12", "count=12", "ratio=null", "list=[1]", "any=true", "word=a=b"]).unwrap();
        assert_eq!(read, json!({"text": "12", "count": 12, "ratio": null, "list": [1], "any": true, "word": "a=b"}));
        assert_eq!(call(&["text=\"q\"", "count=1.5"]).unwrap(), json!({"text": "\"q\"", "count": "1.5"}));
        assert_eq!(call(&["text:={\"a\":1}"]).unwrap(), json!({"text": {"a": 1}}));
    }

    #[test]
    fn what_is_no_argument_is_refused() {
        for words in [&["text"][..], &["text:=x"], &["text=a", "text=b"]] {
            assert_eq!(call(words).unwrap_err().kind(), ErrorKind::InvalidInput, "{words:?}");
        }
        assert!(read(&[], Some("[]"), &Value::Null).is_err());
    }
}
