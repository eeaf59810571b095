//! Files as trees in which every value knows its place, whatever syntax they are written in.

mod json;
mod yaml;

use std::path::Path;

use serde_json::{Map, Number, Value};

use super::diagnostic::{Diagnostic, Position};

pub(crate) use yaml::typed;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: Position,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number and how it was written.
    Number(Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Field>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

impl Node {
    /// Reads a file's text: JSON where the file's name says so or it is nothing else, YAML otherwise.
    ///
    /// JSON is what machines write and may be large; YAML has bounds, because little of it can stand for much.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        let is_json = Path::new(file).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json || (text.starts_with('{') && json::is_json(text)) {
            json::parse(file, text)
        } else {
            yaml::parse(file, text)
        }
    }

    /// The fields of a mapping.
    pub(crate) fn fields(&self) -> Option<&[Field]> {
        match &self.kind {
            Kind::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.fields()?.iter().find(|field| field.key == key).map(|field| &field.value)
    }

    /// An item of a list.
    pub(crate) fn item(&self, index: usize) -> Option<&Self> {
        match &self.kind {
            Kind::List(items) => items.get(index),
            _ => None,
        }
    }

    /// A scalar as it was written; `None` for a list or mapping.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(_, written) => Some(written.clone()),
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What it is, for "expected …, found …".
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "`true` or `false`",
            Kind::Number(..) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The same as JSON, without places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number, _) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(fields) => Value::Object(Self::map_to_json(fields)),
        }
    }

    fn map_to_json(fields: &[Field]) -> Map<String, Value> {
        fields.iter().map(|field| (field.key.clone(), field.value.to_json())).collect()
    }
}
