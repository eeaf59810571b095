//! Calls of tools as models write them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::schema::{INPUT, Way};
use super::{Dialect, ToolSet};
use crate::error::{Error, ErrorKind, Result};

/// One call of a tool by a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The API's name for the call, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool's name at the gateway.
    pub name: String,
    /// The arguments as the tool takes them, an object.
    pub arguments: Value,
}

impl ToolCall {
    /// Makes a call, for a host that reads the API's calls itself.
    pub fn new(id: Option<String>, name: impl Into<String>, arguments: Value) -> Self {
        Self { id, name: name.into(), arguments }
    }
}

impl ToolSet {
    /// Reads one tool call as the API sends it.
    ///
    /// # Behavior
    /// - OpenAI Chat: an item of `tool_calls`. OpenAI Responses: an item of type `function_call`. Anthropic: a block of
    ///   type `tool_use`. Gemini: a part with `functionCall`, or what is in it.
    /// - Arguments are an object or its JSON text; none at all are an empty object.
    ///
    /// # Errors
    /// `NotFound` when there is no such tool, `InvalidInput` when it is no call of this API or the arguments are no
    /// JSON object. Most are mistakes of the model, which may try again when it reads the message.
    pub fn read_call(&self, call: &Value) -> Result<ToolCall> {
        let (id, name, arguments) = self.take_apart(call);
        let api_name = name.as_str().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("this is no tool call of `{}`: it has no name", self.dialect))
                .with_operation("ToolSet::read_call")
                .with_hint(form(self.dialect))
        })?;
        let name = self.name_of(api_name)?;
        let wrong = |error: Error| error.with_operation("ToolSet::read_call").with_context("tool", api_name);
        let mut arguments = object(arguments).map_err(wrong)?;
        match self.ways.get(name) {
            Some(Way::Unwrap) => {
                let inner = arguments.remove(INPUT).ok_or_else(|| {
                    let error = Error::new(ErrorKind::InvalidInput, format!("the arguments have no `{INPUT}`"));
                    wrong(error.with_hint(format!("pass everything under the property `{INPUT}`")))
                })?;
                arguments = object(&inner).map_err(wrong)?;
            }
            Some(Way::Rename(names)) => {
                let back = |name: String| names.get(&name).cloned().unwrap_or(name);
                arguments = arguments.into_iter().map(|(name, value)| (back(name), value)).collect();
            }
            Some(Way::Same) | None => {}
        }
        Ok(ToolCall::new(id.as_str().map(str::to_owned), name, Value::Object(arguments)))
    }

    /// What tells a model that its call was refused: it named no tool, its arguments were broken, policy said no.
    pub fn refusal(&self, call: &Value, message: &str) -> Value {
        let (id, name, _) = self.take_apart(call);
        let api_name = name.as_str().unwrap_or_default();
        let name = self.names.get(api_name).map_or(api_name, String::as_str);
        let call = ToolCall::new(id.as_str().map(str::to_owned), name, Value::Null);
        self.answer(&call, &json!({"content": [{"type": "text", "text": message}], "isError": true}))
    }

    /// The id, the name and the arguments of a call of this API.
    fn take_apart<'a>(&self, call: &'a Value) -> (&'a Value, &'a Value, &'a Value) {
        match self.dialect {
            Dialect::OpenaiChat => {
                let function = &call["function"];
                (&call["id"], &function["name"], &function["arguments"])
            }
            Dialect::OpenaiResponses => (&call["call_id"], &call["name"], &call["arguments"]),
            Dialect::Anthropic => (&call["id"], &call["name"], &call["input"]),
            Dialect::Gemini => {
                // The second is what Google's SDK for Python calls it.
                let inner = call.get("functionCall").or_else(|| call.get("function_call")).unwrap_or(call);
                (&inner["id"], &inner["name"], &inner["args"])
            }
        }
    }
}

/// What a call looks like, for whoever passed something else.
const fn form(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "pass an item of the message's `tool_calls`, with `function.name`",
        Dialect::OpenaiResponses => "pass an output item of type `function_call`, with `name`",
        Dialect::Anthropic => "pass a content block of type `tool_use`, with `name`",
        Dialect::Gemini => "pass a part with `functionCall`, with `name` in it",
    }
}

fn object(arguments: &Value) -> Result<Map<String, Value>> {
    let wrong = |message: String| {
        Error::new(ErrorKind::InvalidInput, message).with_hint("let the model call again with a JSON object")
    };
    let not_object = |value: &Value| wrong(format!("the arguments are {}, not a JSON object", kind(value)));
    match arguments {
        Value::Object(arguments) => Ok(arguments.clone()),
        Value::Null => Ok(Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(arguments)) => Ok(arguments),
            Ok(Value::Null) => Ok(Map::new()),
            Ok(other) => Err(not_object(&other)),
            Err(cause) => Err(wrong("the arguments are not valid JSON".to_owned()).with_source(cause)),
        },
        other => Err(not_object(other)),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
