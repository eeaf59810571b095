//! What the gateway's own tools answer.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::protocol::RawJson;

/// A result, as data and as the text of it for clients that know no data.
pub(super) fn told(value: &Value) -> Result<RawJson> {
    RawJson::from_value(&json!({
        "content": [{"type": "text", "text": value.to_string()}],
        "structuredContent": value,
    }))
}

/// A result of several parts, of which some may have failed; the text of it says which.
pub(super) fn partly(value: &Value, has_failed: bool) -> Result<RawJson> {
    let mut result = told(value)?.object()?;
    if has_failed {
        result.set("isError", RawJson::from_value(&true)?);
    }
    Ok(result.to_raw())
}

/// A failure that the model can do something about: what is wrong, and what to do; with further members, where there are.
pub(super) fn failed(error: &Error, more: Value) -> Result<RawJson> {
    let mut lines = vec![error.to_string()];
    lines.extend(error.hints().map(|hint| format!("what to do: {hint}")));
    let text = lines.join("\n");
    let hints: Vec<_> = error.hints().map(ToString::to_string).collect();
    let mut shown = if more.is_object() { more } else { json!({}) };
    shown["error"] = json!({"kind": error.kind().as_str(), "message": error.to_string(), "hints": hints});
    RawJson::from_value(&json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": shown,
        "isError": true,
    }))
}

/// A text for people as a model gets it: one line, of a bounded length.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_failure_says_what_to_do() {
        let error = Error::new(ErrorKind::MissingSecret, "secret `x` is not set").with_hint("set it");
        let answer: Value = failed(&error, json!({"server": "one"})).unwrap().read().unwrap();
        assert_eq!(answer["isError"], true);
        assert_eq!(answer["content"][0]["text"], "secret `x` is not set\nwhat to do: set it");
        assert_eq!(answer["structuredContent"]["server"], "one");
        assert_eq!(answer["structuredContent"]["error"]["hints"], json!(["set it"]));
    }

    #[test]
    fn a_line_is_one_and_short() {
        assert_eq!(one_line("a\n\n b\tc"), "a b c");
        assert_eq!(one_line(&"é".repeat(300)).chars().count(), 201);
    }
}
