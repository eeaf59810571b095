//! The schemas inside a schema.

use std::fmt;

use serde_json::{Map, Value};

/// How deep schemas are looked at; what nests deeper stays as it is.
const DEPTH: usize = 64;

/// Where a schema is in the definition of its tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    outer: Option<&'a Self>,
    /// The keyword, and the name or number under it.
    step: (&'a str, Option<&'a str>),
}

impl Path<'_> {
    pub(super) const ROOT: Self = Path { outer: None, step: ("inputSchema", None) };

    /// The pointer to a keyword here.
    pub(super) fn of(&self, keyword: &str) -> String {
        format!("{self}/{}", escape(keyword))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        let (keyword, name) = self.step;
        write!(f, "/{}", escape(keyword))?;
        name.map_or(Ok(()), |name| write!(f, "/{}", escape(name)))
    }
}

/// A key as it stands in a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Shows a schema and those in it, outer ones first.
pub(super) fn walk(root: &mut Map<String, Value>, visit: &mut dyn FnMut(&Path<'_>, &mut Map<String, Value>)) {
    step(root, &Path::ROOT, DEPTH, visit);
}

fn step(
    schema: &mut Map<String, Value>,
    path: &Path<'_>,
    depth: usize,
    visit: &mut dyn FnMut(&Path<'_>, &mut Map<String, Value>),
) {
    visit(path, schema);
    if depth == 0 {
        return;
    }
    for (keyword, value) in schema {
        let mut inner = |name: Option<&str>, value: &mut Value| {
            if let Value::Object(schema) = value {
                step(schema, &Path { outer: Some(path), step: (keyword, name) }, depth - 1, visit);
            }
        };
        match value {
            Value::Object(schemas) if has_named(keyword) => {
                schemas.iter_mut().for_each(|(name, value)| inner(Some(name), value));
            }
            Value::Object(_) if has_one(keyword) => inner(None, value),
            Value::Array(schemas) if has_list(keyword) => {
                schemas.iter_mut().enumerate().for_each(|(at, value)| inner(Some(&at.to_string()), value));
            }
            _ => {}
        }
    }
}

/// Whether a keyword holds schemas by name. What holds data, such as `default` and `enum`, is none of the three.
fn has_named(keyword: &str) -> bool {
    matches!(
        keyword,
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties"
    )
}

fn has_one(keyword: &str) -> bool {
    matches!(
        keyword,
        "additionalItems"
            | "additionalProperties"
            | "contains"
            | "contentSchema"
            | "else"
            | "if"
            | "items"
            | "not"
            | "propertyNames"
            | "then"
            | "unevaluatedItems"
            | "unevaluatedProperties"
    )
}

fn has_list(keyword: &str) -> bool {
    matches!(keyword, "allOf" | "anyOf" | "items" | "oneOf" | "prefixItems")
}

/// The part of a schema that a reference from inside it names.
pub(super) fn resolve<'a>(root: &'a Map<String, Value>, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix("#/")?;
    let first = pointer.split('/').next().unwrap_or_default();
    root.get(first)?.pointer(&pointer[first.len()..])
}

/// Rewrites the references in a schema that `change` has something else for.
pub(super) fn redirect(root: &mut Map<String, Value>, change: impl Fn(&str) -> Option<String>) {
    walk(root, &mut |_, schema| {
        if let Some(Value::String(reference)) = schema.get_mut("$ref")
            && let Some(other) = change(reference)
        {
            *reference = other;
        }
    });
}
