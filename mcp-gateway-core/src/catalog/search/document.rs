//! What of a server is searched: the texts of its entry, and of what it was seen to offer.

use std::iter;

use serde_json::Value;

use super::analysis::words;
use super::weights::{
    CATEGORY, Field, INSTRUCTIONS, PARAMETER, PARAMETER_TEXT, SERVER_NAME, SERVER_TEXT, SERVER_TITLE, TAGS, TOOL_NAME,
    TOOL_TEXT, TOOL_TITLE,
};
use crate::model::{Definition, ServerEntry, Surface, ToolEntry};

/// The most tools of one server that are searched.
const MAX_TOOLS: usize = 5_000;
/// The most bytes of one text that are searched, and of all parameters of a tool together.
const MAX_TEXT: usize = 2_000;

/// A tool, as it is searched.
#[derive(Debug, Default)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    parameters: String,
    parameter_texts: String,
}

impl Tool {
    /// Its texts, each with what it counts.
    pub(super) fn fields(&self) -> [(Field, &str); 5] {
        [
            (TOOL_NAME, &self.name),
            (TOOL_TITLE, self.title.as_deref().unwrap_or_default()),
            (TOOL_TEXT, self.description.as_deref().unwrap_or_default()),
            (PARAMETER, &self.parameters),
            (PARAMETER_TEXT, &self.parameter_texts),
        ]
    }

    /// What it does, as a model reads it.
    pub(super) fn meaning(&self) -> String {
        let parts = [Some(spoken(&self.name)), self.title.clone(), self.description.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }

    fn of_entry(entry: &ToolEntry) -> Self {
        let mut tool = Self::new(&entry.name, entry.description.as_deref());
        tool.title = entry.annotations["title"].as_str().map(|title| bounded(title).to_owned());
        for argument in entry.arguments.as_array().into_iter().flatten() {
            tool.parameter(argument["name"].as_str().unwrap_or_default(), &argument["desc"]);
        }
        tool.schema(&entry.parameters);
        tool
    }

    fn of_definition(definition: &Definition) -> Self {
        let json: Value = serde_json::from_str(&definition.json).unwrap_or_default();
        let mut tool = Self::new(&definition.key, json["description"].as_str());
        let title = json["title"].as_str().or(json["annotations"]["title"].as_str());
        tool.title = title.map(|title| bounded(title).to_owned());
        tool.schema(&json["inputSchema"]);
        tool
    }

    fn new(name: &str, description: Option<&str>) -> Self {
        let description = description.map(|text| bounded(text).to_owned());
        Self { name: name.to_owned(), description, ..Self::default() }
    }

    fn schema(&mut self, schema: &Value) {
        for (name, parameter) in schema["properties"].as_object().into_iter().flatten() {
            self.parameter(name, &parameter["description"]);
        }
    }

    fn parameter(&mut self, name: &str, text: &Value) {
        let text = text.as_str().unwrap_or_default();
        for (own, text) in [(&mut self.parameters, name), (&mut self.parameter_texts, text)] {
            if own.len() + text.len() < MAX_TEXT {
                own.push_str(text);
                own.push(' ');
            }
        }
    }
}

/// The texts of a server itself, each with what it counts.
pub(super) fn server<'a>(entry: &'a ServerEntry, tags: &'a str, surface: Option<&'a Surface>) -> [(Field, &'a str); 6] {
    let metadata = entry.metadata.as_ref();
    let texts = [
        (SERVER_NAME, Some(entry.name.as_str())),
        (SERVER_TITLE, entry.title.as_deref()),
        (SERVER_TEXT, entry.description.as_deref()),
        (TAGS, Some(tags)),
        (CATEGORY, metadata.and_then(|metadata| metadata.category.as_deref())),
        (INSTRUCTIONS, surface.and_then(|surface| surface.instructions.as_deref())),
    ];
    texts.map(|(field, text)| (field, bounded(text.unwrap_or_default())))
}

/// What a server is for, as a model reads it.
pub(super) fn meaning(entry: &ServerEntry, tags: &str) -> String {
    let described = [entry.title.as_deref(), entry.description.as_deref(), Some(tags).filter(|tags| !tags.is_empty())];
    let described = described.into_iter().flatten().map(|text| bounded(text).to_owned());
    iter::once(spoken(entry.name.as_str())).chain(described).collect::<Vec<_>>().join(": ")
}

/// A name in words.
fn spoken(name: &str) -> String {
    words(bounded(name)).into_iter().map(|word| word.plain).collect::<Vec<_>>().join(" ")
}

/// The tools of a server: those that it was seen to offer, or else those that its entry names.
pub(super) fn tools(entry: &ServerEntry, surface: Option<&Surface>) -> Vec<Tool> {
    match surface {
        Some(surface) => surface.tools.iter().take(MAX_TOOLS).map(Tool::of_definition).collect(),
        None => entry.tools.iter().take(MAX_TOOLS).map(Tool::of_entry).collect(),
    }
}

fn bounded(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}
