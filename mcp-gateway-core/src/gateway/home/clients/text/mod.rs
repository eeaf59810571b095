//! Configuration files as texts: one entry is put in or taken out, and every other byte stays.
//!
//! An entry is put in by inserting text at one place, so that taking the same text out gives the file back as it was. A
//! change counts only if the file, read before and after, differs in this entry alone; otherwise the file is left as it
//! is and a person is told where to write what.

mod json;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

use std::ops::Range;

use serde_json::{Map, Value};

use super::entry::Entry;
use crate::error::{Error, ErrorKind, Result};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, with comments and trailing commas where a person wrote them.
    Json,
    Toml,
    Yaml,
}

/// A file, the key of its servers, and the name of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    pub(super) form: Form,
    /// The file, for messages.
    pub(super) file: &'a str,
    pub(super) key: &'a str,
    pub(super) name: &'a str,
}

/// A text that was put in at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Insertion {
    pub(super) at: usize,
    pub(super) text: String,
}

impl Insertion {
    fn into(self, text: &str) -> String {
        [&text[..self.at], &self.text, &text[self.at..]].concat()
    }
}

impl Slot<'_> {
    /// All servers of a file, by name; what is no entry is left out.
    ///
    /// # Errors
    /// `InvalidConfig` with the place where the file is broken.
    pub(super) fn servers(&self, text: &str) -> Result<Vec<(String, Value)>> {
        Ok(match self.value(text)?.get_mut(self.key).map(Value::take) {
            Some(Value::Object(servers)) => servers.into_iter().collect(),
            Some(Value::Array(items)) => {
                items.into_iter().filter_map(|item| Some((item.get("name")?.as_str()?.to_owned(), item))).collect()
            }
            _ => Vec::new(),
        })
    }

    /// Puts an entry in, under a name that is free; gives the file and the text that is new in it.
    ///
    /// # Errors
    /// `InvalidConfig` with the place where the file is broken or has something else where servers belong;
    /// `Unsupported` for a file that cannot be changed without changing more.
    pub(super) fn insert(&self, text: &str, entry: &Entry) -> Result<(String, String)> {
        let ways = match self.form {
            Form::Json => vec![json::insertion(self, text, entry)?],
            Form::Toml => toml::insertions(self, text, entry)?,
            Form::Yaml => yaml::insertions(self, text, entry)?,
        };
        let expected = Some(entry.to_json());
        for way in ways {
            let new = way.text.clone();
            let after = way.into(text);
            if self.is_only_change(text, &after, expected.as_ref()) {
                return Ok((after, new));
            }
        }
        Err(self.unsupported("the gateway cannot be written into this file without changing more of it"))
    }

    /// Takes the entry out, which is there.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub(super) fn remove(&self, text: &str) -> Result<String> {
        let mut ranges = match self.form {
            Form::Json => json::removal(self, text)?,
            Form::Toml => toml::removal(self, text)?,
            Form::Yaml => yaml::removal(self, text)?,
        };
        ranges.sort_by_key(|range| range.start);
        let after = without(text, &ranges);
        if !ranges.is_empty() && self.is_only_change(text, &after, None) {
            return Ok(after);
        }
        Err(self.unsupported("the gateway cannot be taken out of this file without changing more of it"))
    }

    /// Takes out a text that was put in, where it still stands once and as it was.
    pub(super) fn take_back(&self, text: &str, inserted: &str) -> Option<String> {
        let at = text.find(inserted).filter(|_| !inserted.is_empty())?;
        if text[at + 1..].contains(inserted) {
            return None;
        }
        let after = without(text, std::slice::from_ref(&(at..at + inserted.len())));
        self.is_only_change(text, &after, None).then_some(after)
    }

    /// Whether the entry is now what is expected, and nothing else is something else.
    fn is_only_change(&self, before: &str, after: &str, expected: Option<&Value>) -> bool {
        let (Ok(before), Ok(after)) = (self.value(before), self.value(after)) else { return false };
        let (_, before) = self.split(before);
        let (entry, after) = self.split(after);
        entry.as_ref() == expected && before == after
    }

    /// The entry, and the file without it; a key without servers counts as no key.
    fn split(&self, mut value: Value) -> (Option<Value>, Value) {
        let (mut entry, mut is_empty) = (None, false);
        match value.get_mut(self.key) {
            Some(Value::Object(servers)) => {
                entry = servers.remove(self.name);
                is_empty = servers.is_empty();
            }
            Some(Value::Array(items)) => {
                let is_it = |item: &Value| item.get("name").and_then(Value::as_str) == Some(self.name);
                if let Some(at) = items.iter().position(is_it) {
                    entry = Some(items.remove(at));
                }
                is_empty = items.is_empty();
            }
            Some(Value::Null) => is_empty = true,
            _ => {}
        }
        if let Value::Object(fields) = &mut value
            && is_empty
        {
            fields.remove(self.key);
        }
        (entry, value)
    }

    /// The file as a value; a file without anything is an empty object.
    fn value(&self, text: &str) -> Result<Value> {
        let value = match self.form {
            Form::Json => json::value(self, text),
            Form::Toml => toml::value(self, text),
            Form::Yaml => yaml::value(self, text),
        }?;
        Ok(if value.is_null() { Value::Object(Map::new()) } else { value })
    }

    fn broken(&self, text: &str, at: usize, message: impl Into<String>) -> Error {
        let (line, column) = place(text, at);
        Error::new(ErrorKind::InvalidConfig, message.into())
            .with_context("file", format!("{}:{line}:{column}", self.file))
            .with_hint("the file is left as it is; mend it and run the command again")
    }

    fn unsupported(&self, message: &'static str) -> Error {
        Error::new(ErrorKind::Unsupported, message)
            .with_context("file", self.file)
            .with_context("key", format!("{}.{}", self.key, self.name))
            .with_hint("the file is left as it is; change this key by hand")
    }
}

/// The text without some of its parts, which are in order.
fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let (mut kept, mut from) = (String::new(), 0);
    for range in ranges {
        kept.push_str(&text[from..range.start]);
        from = range.end;
    }
    kept + &text[from..]
}

/// Line and column of a place, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// How lines end in this text.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where the line that holds a place begins.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line that holds a place, without what ends it.
fn line_stop(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[..end].ends_with('\r') && end < text.len() { end - 1 } else { end }
}

/// A text as JSON writes it, which YAML and TOML read, too.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007f")
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}
