//! Schemas of arguments as APIs take them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::merge::{COMBINING, allows_objects, merge};
use super::report::Report;
use super::walk::{Path, escape, redirect, resolve, walk};
use super::{Dialect, names};
use crate::error::Result;
use crate::protocol::RawJson;

/// The property that holds arguments whose schema cannot stand at the root.
pub(super) const INPUT: &str = "input";

/// The largest schema that is rewritten at the root, in bytes: parts that it refers to are copied.
const LARGEST: usize = 256 * 1024;

/// How many references in a row are followed at the root.
const HOPS: usize = 8;

/// How the arguments that a model writes become those that the tool takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They are the same.
    Same,
    /// They stand under the property `input`.
    Unwrap,
    /// Some have other names: the tool's by the API's.
    Rename(BTreeMap<String, String>),
}

/// Makes a schema one that the API takes at the root of a tool; without a schema every object is taken.
pub(super) fn adapt(dialect: Dialect, schema: Option<&RawJson>, report: &mut Report<'_>) -> Result<(Value, Way)> {
    let mut root = read(schema, report);
    for keyword in ["$schema", "$id"] {
        if root.remove(keyword).is_some() {
            report.add(Path::ROOT.of(keyword), format!("`{keyword}` is left out: the API has no use for it."));
        }
    }
    mend(dialect, &mut root, report);
    let mut way = Way::Same;
    let is_large = schema.is_some_and(|schema| schema.get().len() > LARGEST);
    if (is_large && is_combined(&root)) || !flatten(&mut root, report) {
        report.add(
            Path::ROOT.to_string(),
            format!("The schema stands under the property `{INPUT}`: it cannot be made an object for the root."),
        );
        root = wrap(root);
        way = Way::Unwrap;
    }
    if dialect.is_openai() {
        for keyword in ["const", "enum", "not"] {
            if root.remove(keyword).is_some() {
                report.add(Path::ROOT.of(keyword), format!("`{keyword}` is left out: the API does not take it here."));
            }
        }
        if !root.contains_key("properties") {
            root.insert("properties".to_owned(), json!({}));
            report.add(Path::ROOT.of("properties"), "`properties` are added, empty: the API wants them here.");
        }
    }
    if dialect == Dialect::Anthropic && way == Way::Same {
        way = rename(&mut root, report)?;
    }
    Ok((Value::Object(root), way))
}

/// The schema as an object.
fn read(schema: Option<&RawJson>, report: &mut Report<'_>) -> Map<String, Value> {
    let why = match schema.map(RawJson::read) {
        Some(Ok(Value::Object(root))) => return root,
        Some(Ok(Value::Bool(true))) => return Map::new(),
        Some(Ok(_)) => "is no schema",
        Some(Err(_)) => "nests too deeply",
        None => "is missing",
    };
    report.add(Path::ROOT.to_string(), format!("The schema {why}, so the model may pass any arguments."));
    Map::new()
}

/// Puts right what servers write and APIs refuse, wherever it is.
fn mend(dialect: Dialect, root: &mut Map<String, Value>, report: &mut Report<'_>) {
    walk(root, &mut |path, schema| {
        // An empty map of PHP is an empty list in JSON, and an empty list of Go is null.
        for (keyword, is_right) in
            [("properties", Value::is_object as fn(&Value) -> bool), ("required", Value::is_array)]
        {
            if schema.get(keyword).is_some_and(|value| !is_right(value)) {
                schema.remove(keyword);
                report.add_one_of_many(|| path.of(keyword), format!("`{keyword}` is left out: it has no valid form."));
            }
        }
        let is_array = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
            kind => kind.is_some_and(|kind| kind == "array"),
        };
        if dialect.is_openai() && is_array && !schema.contains_key("items") {
            schema.insert("items".to_owned(), json!({}));
            report.add_one_of_many(
                || path.of("items"),
                "`items` that take everything are added: the API wants them for each array.",
            );
        }
    });
}

/// Makes the root an object without combinations; false where that cannot be.
fn flatten(root: &mut Map<String, Value>, report: &mut Report<'_>) -> bool {
    if follow(root) {
        report.add(Path::ROOT.of("$ref"), "What the reference names stands in its place: the API wants an object.");
    }
    if is_combined(root) {
        let combined: Vec<_> = COMBINING.into_iter().filter(|keyword| root.contains_key(*keyword)).collect();
        let Some(merged) = merge(root) else { return false };
        *root = merged;
        for keyword in combined {
            let change = format!("`{keyword}` is merged loosely into one object: the API does not take it here.");
            report.add(Path::ROOT.of(keyword), change);
        }
    }
    let kind = root.get("type");
    if !allows_objects(kind) {
        return false;
    }
    if kind.is_none_or(|kind| kind != "object") {
        root.insert("type".to_owned(), Value::from("object"));
        report.add(Path::ROOT.of("type"), "The type is set to `object`: arguments are one.");
    }
    true
}

fn is_combined(root: &Map<String, Value>) -> bool {
    COMBINING.iter().any(|keyword| root.contains_key(*keyword))
}

/// Puts what the root refers to in place of the reference; whether it did.
fn follow(root: &mut Map<String, Value>) -> bool {
    let mut followed = false;
    for _ in 0..HOPS {
        let reference = root.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|text| resolve(root, text)).and_then(Value::as_object);
        let Some(target) = target else { break };
        let differs = |(keyword, value): (&String, &Value)| {
            !matches!(keyword.as_str(), "$ref" | "description" | "title")
                && root.get(keyword).is_some_and(|own| own != value)
        };
        if target.iter().any(differs) {
            break;
        }
        let target = target.clone();
        root.remove("$ref");
        for (keyword, value) in target {
            root.entry(keyword).or_insert(value);
        }
        followed = true;
    }
    followed
}

/// Puts a schema under a property of an object. Definitions stay at the root, where APIs expect them.
fn wrap(mut inner: Map<String, Value>) -> Map<String, Value> {
    let mut root = Map::new();
    for keyword in ["$defs", "definitions"] {
        if let Some(definitions) = inner.remove(keyword) {
            root.insert(keyword.to_owned(), definitions);
        }
    }
    root.insert("type".to_owned(), Value::from("object"));
    root.insert("properties".to_owned(), json!({INPUT: inner}));
    root.insert("required".to_owned(), json!([INPUT]));
    redirect(&mut root, |reference| {
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let stays = ["/$defs/", "/definitions/"].iter().any(|start| pointer.starts_with(start));
        (!stays).then(|| format!("#/properties/{INPUT}{pointer}"))
    });
    root
}

/// Gives properties of the root names that the API takes.
fn rename(root: &mut Map<String, Value>, report: &mut Report<'_>) -> Result<Way> {
    let Some(Value::Object(properties)) = root.get_mut("properties") else { return Ok(Way::Same) };
    if properties.keys().all(|name| names::PROPERTY.takes(name)) {
        return Ok(Way::Same);
    }
    let given = names::give(names::PROPERTY, properties.keys().map(String::as_str))?;
    let new = |name: &str| given.get(name).filter(|new| *new != name);
    *properties = std::mem::take(properties)
        .into_iter()
        .map(|(name, schema)| (new(&name).unwrap_or(&name).clone(), schema))
        .collect();
    for name in root.get_mut("required").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(new) = name.as_str().and_then(new) {
            *name = Value::from(new.as_str());
        }
    }
    let moved: BTreeMap<String, &String> =
        given.iter().filter(|(name, new)| name != new).map(|(name, new)| (escape(name), new)).collect();
    redirect(root, |reference| {
        let pointer = reference.strip_prefix("#/properties/")?;
        let first = pointer.split('/').next()?;
        Some(format!("#/properties/{}{}", moved.get(first)?, &pointer[first.len()..]))
    });
    for (name, new) in &moved {
        let change = format!("The property is called `{new}`: the API takes {}.", names::PROPERTY.rule);
        report.add_one_of_many(|| format!("{}/{name}", Path::ROOT.of("properties")), change);
    }
    Ok(Way::Rename(given.into_iter().filter(|(name, new)| name != new).map(|(name, new)| (new, name)).collect()))
}
