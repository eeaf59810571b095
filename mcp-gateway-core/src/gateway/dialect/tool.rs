//! One definition as one tool of an API.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::Dialect;
use super::report::{Report, cut};
use super::schema::{self, Way};
use crate::error::Result;
use crate::model::Definition;
use crate::protocol::{RawJson, RawObject};

/// The longest description that OpenAI takes, in characters.
const DESCRIPTION: usize = 1024;

/// Renders a tool and says how its arguments come back.
pub(super) fn present(
    dialect: Dialect,
    api_name: &str,
    definition: &Definition,
    report: &mut Report<'_>,
) -> Result<(Value, Way)> {
    let tool = RawJson::parse(definition.json.as_str())
        .and_then(|raw| raw.object())
        .map_err(|error| error.with_operation("ToolSet::of").with_context("tool", &definition.key))?;
    if api_name != definition.key {
        report.add("/name", format!("The name is `{api_name}`: the API takes {}.", dialect.alphabet().rule));
    }
    let (schema, way) = schema::adapt(dialect, tool.get("inputSchema"), report)?;

    let mut shape = Map::new();
    shape.insert("name".to_owned(), Value::from(api_name));
    if let Some(description) = description(dialect, &tool, report) {
        shape.insert("description".to_owned(), Value::from(description));
    }
    let key = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => "parameters",
        Dialect::Anthropic => "input_schema",
        Dialect::Gemini => "parametersJsonSchema",
    };
    shape.insert(key.to_owned(), schema);
    if dialect == Dialect::OpenaiResponses {
        // This API takes a tool for strict unless it says otherwise, and refuses most schemas then.
        shape.insert("type".to_owned(), Value::from("function"));
        shape.insert("strict".to_owned(), Value::from(false));
    }
    let tool =
        if dialect == Dialect::OpenaiChat { json!({"type": "function", "function": shape}) } else { shape.into() };
    Ok((tool, way))
}

/// What the model reads about the tool.
fn description(dialect: Dialect, tool: &RawObject, report: &mut Report<'_>) -> Option<String> {
    let own = ["description", "title"].into_iter().map(|key| tool.text(key));
    let hint = || tool.get("annotations")?.object().ok()?.text("title");
    let text = own.chain(std::iter::once_with(hint)).flatten().find(|text| !text.trim().is_empty())?;
    let short = if dialect.is_openai() { cut(&text, DESCRIPTION) } else { Cow::Borrowed(text.as_str()) };
    if matches!(short, Cow::Owned(_)) {
        report.add("/description", format!("The description is cut: the API takes {DESCRIPTION} characters."));
    }
    Some(short.into_owned())
}
