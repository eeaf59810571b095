//! Texts that came from somewhere, in the form of a catalog file.

use serde_json::{Map, Value, json};

use super::artifact;
use crate::catalog::tree::Node;
use crate::catalog::{Diagnostic, FileCatalog, LoadOptions};
use crate::error::{Error, ErrorKind, Result};

/// A text as a catalog file that is read as YAML, and what was left out of it. Docker's list of servers becomes a catalog.
///
/// # Errors
/// `InvalidConfig`, naming the place, when any of it is no catalog.
pub(super) fn normal(place: &str, text: String) -> Result<(String, Vec<String>)> {
    let (text, notes) = if text.trim_start().starts_with('{') {
        let value =
            Node::parse("catalog.json", &text).map_err(Diagnostic::into_error).map_err(|error| at(place, error))?;
        let value = value.to_json();
        if value.get("servers").is_some_and(Value::is_array) && value.get("registry").is_none() {
            artifact::of_docker(&value)?
        } else {
            (pretty(&value)?, Vec::new())
        }
    } else {
        (text, Vec::new())
    };
    FileCatalog::parse(place, &text, LoadOptions::new()).map_err(|error| at(place, error))?;
    Ok((text, notes))
}

fn at(place: &str, error: Error) -> Error {
    error.with_context("origin", place)
}

/// A catalog as a text that reads as the same catalog.
///
/// # Errors
/// `Internal` when it does not.
pub fn render(catalog: &FileCatalog) -> Result<String> {
    let mut registry = Map::new();
    for entry in catalog.entries() {
        registry.insert(entry.name.to_string(), json!(entry.as_ref()));
    }
    let mut whole = Map::new();
    whole.insert("version".to_owned(), json!(3));
    if let Some(title) = catalog.title() {
        whole.insert("displayName".to_owned(), json!(title));
    }
    if !catalog.hidden().is_empty() {
        whole.insert("hide".to_owned(), json!(catalog.hidden()));
    }
    whole.insert("registry".to_owned(), Value::Object(registry));
    let text = pretty(&Value::Object(whole))?;
    let again = FileCatalog::parse("catalog.yaml", &text, LoadOptions::new())?.catalog;
    if again.entries().ne(catalog.entries()) || again.hidden() != catalog.hidden() {
        return Err(Error::new(ErrorKind::Internal, "the catalog does not read as it was written"));
    }
    Ok(text)
}

pub(super) fn pretty(value: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|cause| Error::new(ErrorKind::Internal, "a catalog makes no JSON").with_source(cause))?;
    Ok(text + "\n")
}
