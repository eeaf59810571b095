//! Several object schemas as one that describes them all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::walk::{resolve, walk};

/// The keywords that combine schemas.
pub(super) const COMBINING: [&str; 4] = ["$ref", "allOf", "anyOf", "oneOf"];

/// The most schemas that are put together, which bounds depth and cycles too.
const MOST: usize = 256;

/// The root with the properties of all that it combines instead of the combination; `None` where that says nothing.
///
/// It is a description for a model, not the same rule: the server still checks its own. A property that the parts
/// describe differently gets alternatives; what a part of `allOf`, or each part of `anyOf` or `oneOf`, requires stays
/// required; other rules of the parts are lost.
pub(super) fn merge(root: &Map<String, Value>) -> Option<Map<String, Value>> {
    let shape = Search { root, left: MOST }.object(root).ok()??;
    let mut merged = root.clone();
    merged.retain(|keyword, _| !COMBINING.contains(&keyword.as_str()));
    merged.insert("properties".to_owned(), shape.properties());
    if !shape.required.is_empty() {
        merged.insert("required".to_owned(), json!(shape.required));
    }
    let mut is_whole = true;
    walk(&mut merged, &mut |_, schema| {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/"));
        let first = reference.and_then(|pointer| pointer.split('/').next());
        is_whole &= first.is_none_or(|first| !COMBINING.contains(&first));
    });
    is_whole.then_some(merged)
}

/// Whether a `type` allows objects.
pub(super) fn allows_objects(kind: Option<&Value>) -> bool {
    match kind {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
    }
}

/// What an object may and must have.
#[derive(Debug, Default)]
struct Shape<'a> {
    properties: BTreeMap<&'a str, Vec<&'a Value>>,
    required: BTreeSet<&'a str>,
}

impl<'a> Shape<'a> {
    fn of(schema: &'a Map<String, Value>) -> Self {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        Self {
            properties: properties.map(|(name, schema)| (name.as_str(), vec![schema])).collect(),
            required: required.filter_map(Value::as_str).collect(),
        }
    }

    fn and(mut self, mut other: Self) -> Self {
        self.required.append(&mut other.required);
        self.with_properties(other)
    }

    fn or(mut self, other: Self) -> Self {
        self.required.retain(|name| other.required.contains(name));
        self.with_properties(other)
    }

    fn with_properties(mut self, other: Self) -> Self {
        for (name, schemas) in other.properties {
            let known = self.properties.entry(name).or_default();
            for schema in schemas {
                if !known.iter().any(|known| std::ptr::eq(*known, schema) || *known == schema) {
                    known.push(schema);
                }
            }
        }
        self
    }

    fn properties(&self) -> Value {
        let one = |schemas: &[&Value]| match schemas {
            [schema] => (*schema).clone(),
            schemas => json!({"anyOf": schemas}),
        };
        self.properties.iter().map(|(name, schemas)| ((*name).to_owned(), one(schemas))).collect::<Map<_, _>>().into()
    }
}

/// A schema that cannot be understood: it refers elsewhere or to itself, or is too large.
#[derive(Debug)]
struct Unclear;

struct Search<'a> {
    root: &'a Map<String, Value>,
    left: usize,
}

impl<'a> Search<'a> {
    /// The shape of the objects that a schema allows; `None` if it allows none.
    fn any(&mut self, schema: &'a Value) -> Result<Option<Shape<'a>>, Unclear> {
        match schema {
            Value::Object(schema) => self.object(schema),
            Value::Bool(all) => Ok(all.then(Shape::default)),
            _ => Err(Unclear),
        }
    }

    fn object(&mut self, schema: &'a Map<String, Value>) -> Result<Option<Shape<'a>>, Unclear> {
        self.left = self.left.checked_sub(1).ok_or(Unclear)?;
        if !allows_objects(schema.get("type")) {
            return Ok(None);
        }
        let mut shape = Shape::of(schema);
        let target = match schema.get("$ref") {
            Some(reference) => Some(reference.as_str().and_then(|text| resolve(self.root, text)).ok_or(Unclear)?),
            None => None,
        };
        for part in target.into_iter().chain(list(schema, "allOf")?.unwrap_or_default()) {
            let Some(other) = self.any(part)? else { return Ok(None) };
            shape = shape.and(other);
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(parts) = list(schema, keyword)? else { continue };
            let mut joined: Option<Shape<'a>> = None;
            for part in parts {
                // Arguments are an object, so a part that allows none is never the one.
                let Some(other) = self.any(part)? else { continue };
                joined = Some(match joined {
                    Some(shape) => shape.or(other),
                    None => other,
                });
            }
            let Some(other) = joined else { return Ok(None) };
            shape = shape.and(other);
        }
        Ok(Some(shape))
    }
}

fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> Result<Option<&'a [Value]>, Unclear> {
    schema.get(keyword).map(|parts| parts.as_array().map(Vec::as_slice).ok_or(Unclear)).transpose()
}
