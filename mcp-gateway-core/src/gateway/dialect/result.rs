//! What a tool answered, as models read it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Dialect, ToolCall, ToolSet};

/// What the model reads about a failure that says nothing.
const FAILED: &str = "the tool failed and gave no reason";

/// The kinds of image that models see.
const IMAGES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

impl ToolSet {
    /// Turns the result of a call (MCP's `CallToolResult`) into what goes back to the model.
    ///
    /// # Behavior
    /// - OpenAI Chat: a message of role `tool`. OpenAI Responses: an item of type `function_call_output`. Anthropic: a
    ///   block of type `tool_result`. Gemini: a part with `functionResponse`.
    /// - Text is text. Images are images where the API takes them in results (Anthropic, OpenAI Responses); elsewhere,
    ///   and for everything else that is no text, the model reads a short note in brackets. Structured content goes to
    ///   Gemini as it is, and to the others as JSON where there is no other content.
    /// - A failure of the tool has `is_error` at Anthropic and the key `error` instead of `output` at Gemini. OpenAI
    ///   has no such mark, so the text begins with `error: ` there.
    /// - A call without an id is answered without one.
    pub fn answer(&self, call: &ToolCall, result: &Value) -> Value {
        let is_error = result["isError"] == true;
        let mut answer = Map::new();
        let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
        let id = call.id.as_deref().map(Value::from);
        match self.dialect {
            Dialect::OpenaiChat => {
                put("role", "tool".into());
                id.and_then(|id| put("tool_call_id", id));
                put("content", joined(&marked(parts(result), is_error)).into());
            }
            Dialect::OpenaiResponses => {
                put("type", "function_call_output".into());
                id.and_then(|id| put("call_id", id));
                let parts = marked(parts(result), is_error);
                let has_image = parts.iter().any(|part| matches!(part, Part::Image { .. }));
                put("output", if has_image { parts.iter().map(Part::openai).collect() } else { joined(&parts).into() });
            }
            Dialect::Anthropic => {
                put("type", "tool_result".into());
                id.and_then(|id| put("tool_use_id", id));
                let mut parts = parts(result);
                if is_error {
                    put("is_error", true.into());
                    if parts.is_empty() {
                        // The API refuses a failure without content, and an empty text anywhere.
                        parts.push(Part::Text(FAILED.into()));
                    }
                }
                put("content", parts.iter().map(Part::anthropic).collect());
            }
            Dialect::Gemini => {
                id.and_then(|id| put("id", id));
                put("name", self.api_name_of(&call.name).unwrap_or(&call.name).into());
                let output = match &result["structuredContent"] {
                    Value::Null => match joined(&parts(result)) {
                        text if text.is_empty() && is_error => FAILED.into(),
                        text => text.into(),
                    },
                    structured => structured.clone(),
                };
                put("response", json!({if is_error { "error" } else { "output" }: output}));
                return json!({"functionResponse": answer});
            }
        }
        answer.into()
    }
}

/// A piece of a result, as far as APIs tell them apart.
#[derive(Debug)]
enum Part<'a> {
    Text(Cow<'a, str>),
    Image { mime: &'a str, data: &'a str },
}

impl Part<'_> {
    fn openai(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "input_text", "text": text}),
            Self::Image { mime, data } => {
                json!({"type": "input_image", "image_url": format!("data:{mime};base64,{data}")})
            }
        }
    }

    fn anthropic(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "text", "text": text}),
            Self::Image { mime, data } => {
                json!({"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}})
            }
        }
    }

    /// The piece for an API that takes only text.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Image { mime, data } => note(&["image", mime], Some(data)).into(),
        }
    }
}

/// The pieces that say something; where there are none, the structured content.
fn parts(result: &Value) -> Vec<Part<'_>> {
    let content = result["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_blank = |part: &Part<'_>| matches!(part, Part::Text(text) if text.trim().is_empty());
    let mut parts: Vec<_> = content.iter().map(part).filter(|part| !is_blank(part)).collect();
    let structured = &result["structuredContent"];
    if parts.is_empty() && !structured.is_null() {
        parts.push(Part::Text(structured.to_string().into()));
    }
    parts
}

fn part(block: &Value) -> Part<'_> {
    let resource = &block["resource"];
    let text = match word(block, "type") {
        "text" => word(block, "text").into(),
        "image" => match image(block) {
            Some(image) => return image,
            None => note(&["image", word(block, "mimeType")], Some(word(block, "data"))).into(),
        },
        "audio" => note(&["audio", word(block, "mimeType")], Some(word(block, "data"))).into(),
        "resource_link" => note(&["resource", word(block, "name"), word(block, "uri")], None).into(),
        "resource" => match (resource["text"].as_str(), resource["blob"].as_str()) {
            (Some(text), _) => format!("{}\n{text}", note(&["resource", word(resource, "uri")], None)).into(),
            (None, blob) => note(&["resource", word(resource, "uri"), word(resource, "mimeType")], blob).into(),
        },
        // Of a kind that is not known yet the model can still read the JSON.
        _ => block.to_string().into(),
    };
    Part::Text(text)
}

fn word<'a>(block: &'a Value, key: &str) -> &'a str {
    block[key].as_str().unwrap_or_default()
}

/// The image, if it is one that APIs take: one that they do not take would fail the whole request.
fn image(block: &Value) -> Option<Part<'_>> {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let mime = match word(block, "mimeType") {
        "image/jpg" => "image/jpeg",
        mime => mime,
    };
    let data = word(block, "data");
    let is_taken = IMAGES.contains(&mime) && !data.is_empty() && data.bytes().all(is_base64);
    is_taken.then_some(Part::Image { mime, data })
}

/// A line in brackets that stands for what cannot be shown.
fn note(words: &[&str], data: Option<&str>) -> String {
    let mut words = words.iter().filter(|word| !word.is_empty());
    let mut text = format!("[{}", words.next().unwrap_or(&""));
    let size = data.map(|data| format!("{} bytes of base64", data.len()));
    for (at, word) in words.copied().chain(size.as_deref()).enumerate() {
        text.push_str(if at == 0 { " " } else { ", " });
        text.push_str(word);
    }
    text.push(']');
    text
}

fn joined(parts: &[Part<'_>]) -> String {
    parts.iter().map(Part::text).collect::<Vec<_>>().join("\n")
}

/// The pieces with the mark that OpenAI's API lacks.
fn marked(mut parts: Vec<Part<'_>>, is_error: bool) -> Vec<Part<'_>> {
    if is_error {
        match parts.first_mut() {
            Some(Part::Text(text)) => *text = format!("error: {text}").into(),
            Some(Part::Image { .. }) => parts.insert(0, Part::Text("error: see the image".into())),
            None => parts.push(Part::Text(format!("error: {FAILED}").into())),
        }
    }
    parts
}
