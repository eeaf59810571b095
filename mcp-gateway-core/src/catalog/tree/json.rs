//! JSON, with places.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Field, Kind, Node};
use crate::catalog::diagnostic::{Diagnostic, Position, Problems};

/// How deep lists and mappings may be nested; also bounds the work, for each level reads its part of the text again.
const MAX_DEPTH: usize = 64;

/// Whether a text is JSON as a whole.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Reads a JSON text.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Diagnostic> {
    let reader =
        Reader { text, line_starts: line_starts(text), last: Cell::new((0, 0)), problems: Problems::new(file) };
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let at = Position { line: small(error.line()), column: small(error.column()) };
        reader.problems.diagnostic(at, message(&error), None)
    })?;
    reader.node(raw, 0)
}

struct Reader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    /// An offset and its column: values come in order, so columns of a long line are counted on from there.
    last: Cell<(usize, usize)>,
    problems: Problems,
}

impl<'a> Reader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Diagnostic> {
        let at = self.position(raw);
        let wrong = |message: &str| self.problems.diagnostic(at, message.to_owned(), None);
        if depth > MAX_DEPTH {
            return Err(wrong("values are nested too deep"));
        }
        let source = raw.get();
        let broken = |error: serde_json::Error| wrong(&message(&error));
        let kind = match source.as_bytes().first() {
            Some(b'{') => {
                let members: Members<'a> = serde_json::from_str(source).map_err(broken)?;
                let mut fields: Vec<Field> = Vec::with_capacity(members.0.len());
                for (key, value) in members.0 {
                    let value = self.node(value, depth + 1)?;
                    fields.push(Field { key: key.into_owned(), at: value.at, value });
                }
                let mut keys: Vec<_> = fields.iter().map(|field| (&field.key, field.at)).collect();
                keys.sort_by_key(|(key, _)| *key);
                if let Some(twice) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let message = format!("key `{}` stands here twice", twice[1].0);
                    return Err(self.problems.diagnostic(twice[1].1, message, None));
                }
                Kind::Map(fields)
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> = serde_json::from_str(source).map_err(broken)?;
                Kind::List(items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Kind::Text(serde_json::from_str(source).map_err(broken)?),
            Some(b't' | b'f') => Kind::Bool(source == "true"),
            Some(b'n') => Kind::Null,
            _ => Kind::Number(serde_json::from_str(source).map_err(broken)?, source.to_owned()),
        };
        Ok(Node { kind, at })
    }

    /// The place of a value; of a member's value, for its key.
    fn position(&self, raw: &RawValue) -> Position {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or(0);
        let (from, counted) =
            Some(self.last.get()).filter(|(at, _)| (start..=offset).contains(at)).unwrap_or((start, 0));
        let counted = counted + self.text.get(from..offset).map_or(0, |between| between.chars().count());
        self.last.set((offset, counted));
        let column = counted + 1;
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: small(line), column: small(column) }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect()
}

/// The message without the place that the JSON reader puts at its end.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

/// The members of an object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let node = parse("x.json", "{\n\t\"a\": [1.10,\n  {\"b\\n\": null}]\n}").unwrap();
        assert_eq!(node.at, Position { line: 1, column: 1 });
        let Kind::List(items) = &node.get("a").unwrap().kind else { panic!("{node:?}") };
        assert_eq!((items[0].scalar().unwrap().as_str(), items[0].at), ("1.10", Position { line: 2, column: 8 }));
        assert_eq!(items[1].get("b\n").unwrap().at.line, 3);
        assert_eq!(node.to_json(), serde_json::json!({"a": [1.10, {"b\n": null}]}));
    }

    #[test]
    fn broken_files_are_reported_with_their_line() {
        let found = parse("x.json", "{\n\"a\": 1,\n}").unwrap_err();
        assert_eq!((found.line, found.message.as_str()), (3, "key must be a string"));
        let found = parse("x.json", "{\"a\": 1,\n\"a\": 2}").unwrap_err();
        assert_eq!((found.line, found.message.as_str()), (2, "key `a` stands here twice"));
        assert!(parse("x.json", &format!("{}{}", "[".repeat(100), "]".repeat(100))).is_err());
    }

    #[test]
    fn columns_of_one_long_line_are_counted_once() {
        let long = format!("[{}]", vec!["\"\u{e9}\""; 200_000].join(","));
        let node = parse("c.json", &long).unwrap();
        assert_eq!(node.item(0).unwrap().at, Position { line: 1, column: 2 });
        assert_eq!(node.item(199_999).unwrap().at, Position { line: 1, column: 2 + 4 * 199_999 });
        assert_eq!((node.at, node.item(1).unwrap().at.column), (Position { line: 1, column: 1 }, 6));
        let lines = parse("c.json", "{\"a\":\n  [1, 2],\"b\": 3}").unwrap();
        assert_eq!(lines.get("a").unwrap().item(1).unwrap().at, Position { line: 2, column: 7 });
        assert_eq!(lines.get("b").unwrap().at, Position { line: 2, column: 15 });
    }
}
