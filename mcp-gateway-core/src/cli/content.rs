//! A tool's result as text for people.

use serde_json::Value;

use crate::protocol::RawJson;

/// The content of a result: texts as they are, a line for everything else.
pub(crate) fn render(result: &RawJson) -> String {
    let value: Value = result.read().unwrap_or_default();
    let items = value["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    for item in items {
        text.push_str(&rendered(item));
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    if items.is_empty() {
        let structured = value.get("structuredContent").unwrap_or(&value);
        text = serde_json::to_string_pretty(structured).unwrap_or_default();
        text.push('\n');
    }
    text
}

/// Whether the tool says that it failed.
pub(crate) fn is_error(result: &RawJson) -> bool {
    result.read::<Value>().is_ok_and(|value| value["isError"] == true)
}

fn rendered(item: &Value) -> String {
    let word = |key: &str| item[key].as_str().unwrap_or_default();
    match word("type") {
        "text" => word("text").to_owned(),
        kind @ ("image" | "audio") => {
            format!("[{kind} {}, {} bytes of base64]", word("mimeType"), word("data").len())
        }
        "resource_link" => format!("[resource {}]", word("uri")),
        "resource" => match item["resource"]["text"].as_str() {
            Some(text) => text.to_owned(),
            None => format!("[resource {}]", item["resource"]["uri"].as_str().unwrap_or_default()),
        },
        _ => item.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_content_has_a_line() {
        let result = RawJson::parse(
            r#"{"content":[{"type":"text","text":"a\nb"},{"type":"image","mimeType":"image/png","data":"AAAA"},
            {"type":"resource","resource":{"uri":"x://y","text":"t"}},{"type":"resource_link","uri":"x://z"}],"isError":true}"#,
        )
        .unwrap();
        assert_eq!(render(&result), "a\nb\n[image image/png, 4 bytes of base64]\nt\n[resource x://z]\n");
        assert!(is_error(&result));
    }

    #[test]
    fn without_content_the_structure_is_shown() {
        let result = RawJson::parse(r#"{"content":[],"structuredContent":{"a":1}}"#).unwrap();
        assert_eq!(render(&result), "{\n  \"a\": 1\n}\n");
    }
}
