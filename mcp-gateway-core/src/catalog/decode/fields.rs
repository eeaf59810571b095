//! A mapping that is read key by key, so that nothing of it is overlooked.

use serde_json::{Map, Value};

use crate::catalog::diagnostic::{Position, Problems, suggestion};
use crate::catalog::tree::{Field, Kind, Node};
use crate::error::Error;

/// The fields of one mapping; what was asked for is known, the rest is kept and reported.
pub(crate) struct Fields<'a> {
    fields: &'a [Field],
    at: Position,
    /// The keys that lead here, for messages: `remote` or `tools[3]`; empty at the top.
    path: String,
    known: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// The fields of a node; a node that is no mapping is an error, and `None`.
    pub(crate) fn of(node: &'a Node, path: impl Into<String>, problems: &'a Problems) -> Option<Self> {
        let path = path.into();
        match node.fields() {
            Some(fields) => Some(Self { fields, at: node.at, path, known: Vec::new(), problems }),
            None => {
                let subject = if path.is_empty() { "file".to_owned() } else { format!("`{path}`") };
                problems.error(node.at, format!("{subject} must be a mapping, not {}", node.what()), None);
                None
            }
        }
    }

    /// The way to this mapping, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.path
    }

    pub(crate) fn at(&self) -> Position {
        self.at
    }

    pub(crate) fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// The whole way to a key, for messages.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether a key has a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field.key == key && !field.value.is_null())
    }

    /// Where the value of a key is; where the mapping is, if it has none.
    pub(crate) fn place(&self, key: &str) -> Position {
        self.fields.iter().find(|field| field.key == key).map_or(self.at, |field| field.value.at)
    }

    /// Reports that the value of a key cannot be used.
    pub(crate) fn report(&self, key: &str, error: &Error) {
        let hint = error.hints().next().map(str::to_owned);
        self.problems.error(self.place(key), format!("`{}`: {}", self.path(key), error.message()), hint);
    }

    /// The value of a key; a key without a value counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.fields.iter().find(|field| field.key == key).map(|field| &field.value).filter(|node| !node.is_null())
    }

    /// Reports that a key must be there.
    pub(crate) fn missing(&self, key: &str) {
        // A misspelt key is the likeliest reason.
        let unknown = self.fields.iter().map(|field| field.key.as_str()).filter(|key| !self.known.contains(key));
        let hint = suggestion(key, unknown).map(|_| format!("is one of the other keys a misspelt `{key}`?"));
        self.problems.error(self.at, format!("missing `{}`", self.path(key)), hint);
    }

    /// Reports a value of the wrong type.
    pub(crate) fn wrong(&self, key: &str, node: &Node, expected: &str) {
        let hint = match &node.kind {
            Kind::Number(..) | Kind::Bool(_) if expected == "a text" => Some("put it in quotes".to_owned()),
            Kind::Text(_) if expected == "a list" => Some(format!("write `{key}: [...]`")),
            _ => None,
        };
        let message = format!("`{}` must be {expected}, not {}", self.path(key), node.what());
        self.problems.error(node.at, message, hint);
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        if let Kind::Text(text) = &node.kind {
            return Some(text.clone());
        }
        self.wrong(key, node, "a text");
        None
    }

    /// A text that must be there and not be empty.
    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<String> {
        match self.node(key) {
            Some(_) => {
                let text = self.text(key)?;
                if text.is_empty() {
                    self.problems.error(self.place(key), format!("`{}` is empty", self.path(key)), None);
                }
                Some(text)
            }
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// A text, or a number or boolean as it was written.
    pub(crate) fn scalar(&mut self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        let scalar = node.scalar();
        if scalar.is_none() {
            self.wrong(key, node, "a text");
        }
        scalar
    }

    /// `true` or `false`; absent is `None`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        if let Kind::Bool(flag) = node.kind {
            return Some(flag);
        }
        self.wrong(key, node, "`true` or `false`");
        None
    }

    /// The items of a list; absent is empty.
    pub(crate) fn items(&mut self, key: &'static str) -> &'a [Node] {
        let Some(node) = self.node(key) else { return &[] };
        if let Kind::List(items) = &node.kind {
            return items;
        }
        self.wrong(key, node, "a list");
        &[]
    }

    /// A list of texts; numbers and booleans are taken as they were written.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let items = self.items(key);
        self.scalars(key, items)
    }

    fn scalars(&self, key: &str, items: &[Node]) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.scalar() {
                Some(text) => texts.push(text),
                None => self.wrong(&format!("{key}[{index}]"), item, "a text"),
            }
        }
        texts
    }

    /// Every key and value, for a mapping whose keys are anyone's.
    pub(crate) fn all(&self) -> &'a [Field] {
        self.fields
    }

    /// The keys and values of a field that must be a mapping.
    pub(crate) fn mapping(&self, field: &'a Field) -> &'a [Field] {
        Fields::of(&field.value, self.path(&field.key), self.problems).map_or(&[], |inner| inner.fields)
    }

    /// The texts of a field that must be a list.
    pub(crate) fn list_of_texts(&self, field: &'a Field) -> Vec<String> {
        if let Kind::List(items) = &field.value.kind {
            return self.scalars(&field.key, items);
        }
        self.wrong(&field.key, &field.value, "a list");
        Vec::new()
    }

    /// Any value, as JSON; absent is null.
    pub(crate) fn value(&mut self, key: &'static str) -> Value {
        self.node(key).map_or(Value::Null, Node::to_json)
    }

    /// A mapping inside this one.
    pub(crate) fn inner(&mut self, key: &'static str) -> Option<Self> {
        let node = self.node(key)?;
        Fields::of(node, self.path(key), self.problems)
    }

    /// The keys and values of a mapping whose keys are anyone's; absent is empty.
    pub(crate) fn entries(&mut self, key: &'static str) -> &'a [Field] {
        self.inner(key).map_or(&[], |inner| inner.fields)
    }

    /// The mappings of a list.
    pub(crate) fn each(&mut self, key: &'static str) -> Vec<Self> {
        let items = self.items(key).iter().enumerate();
        items
            .filter_map(|(index, item)| Fields::of(item, format!("{}[{index}]", self.path(key)), self.problems))
            .collect()
    }

    /// What was not asked for: `described` keys are kept in silence, others are kept and reported.
    pub(crate) fn rest(self, described: &[&'static str]) -> Map<String, Value> {
        let mut rest = Map::new();
        for field in self.unknown() {
            rest.insert(field.key.clone(), field.value.to_json());
            if !described.contains(&field.key.as_str()) {
                let known = self.known.iter().chain(described).copied();
                let hint = suggestion(&field.key, known);
                self.problems.warn(field.at, format!("unknown key `{}`", self.path(&field.key)), hint);
            }
        }
        rest
    }

    /// All that was not asked for, kept in silence.
    pub(crate) fn rest_as_is(self) -> Map<String, Value> {
        self.unknown().map(|field| (field.key.clone(), field.value.to_json())).collect()
    }

    fn unknown(&self) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(|field| !self.known.contains(&field.key.as_str()))
    }
}
