//! YAML, with places, bounded against files that explode.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Number;
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use super::{Field, Kind, Node};
use crate::catalog::diagnostic::{Diagnostic, Position, Problems, suggestion};
use crate::util::fs::MAX_FILE_BYTES;

/// How many values one file may have; Docker's own catalog has about 15,000.
const MAX_NODES: usize = 1_000_000;

/// How many values aliases may repeat: a file that grows a thousandfold is no catalog.
const MAX_REPEATED: usize = 100_000;

/// Reads a YAML text.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Diagnostic> {
    typed(file, text).map(|raw| node(raw, text))
}

/// Reads a YAML text straight into a type.
pub(crate) fn typed<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Diagnostic> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| diagnostic(file, &error))
}

fn options() -> Options {
    let budget = serde_saphyr::budget! {
        max_nodes: MAX_NODES,
        max_events: 3 * MAX_NODES,
        max_documents: 1,
        max_reader_input_bytes: usize::try_from(MAX_FILE_BYTES).ok(),
    };
    serde_saphyr::options! {
        budget: budget,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPEATED },
        duplicate_keys: DuplicateKeyPolicy::Error,
        // `yes` and `on` are texts in the format's own reader.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn diagnostic(file: &str, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error as Yaml;
    let error = error.without_snippet();
    let at = error.location().map(position).unwrap_or_default();
    let (message, hint) = match error {
        Yaml::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), suggestion(field, expected.iter().copied()).or_else(|| known(expected)))
        }
        Yaml::SerdeUnknownVariant { variant, expected, .. } => (
            format!("`{variant}` is none of the words that may stand here"),
            suggestion(variant, expected.iter().copied()).or_else(|| known(expected)),
        ),
        Yaml::SerdeMissingField { field, .. } => (format!("missing `{field}`"), None),
        Yaml::SerdeInvalidType { unexpected, expected, .. } | Yaml::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {expected}, found {unexpected}"), None)
        }
        Yaml::DuplicateMappingKey { key: Some(key), .. } => (format!("key `{key}` stands here twice"), None),
        Yaml::Eof { .. } => ("file is empty".to_owned(), None),
        other => (plain(other), None),
    };
    Problems::new(file).diagnostic(at, message, hint)
}

fn known(words: &[&'static str]) -> Option<String> {
    (!words.is_empty()).then(|| format!("known are `{}`", words.join("`, `")))
}

/// The message without the place that the YAML reader puts at its end.
fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let end = [" at line ", " (at line "].iter().filter_map(|mark| line.rfind(mark)).min().unwrap_or(line.len());
    line[..end].trim_start_matches("error: ").to_owned()
}

fn position(location: Location) -> Position {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: small(location.line()), column: small(location.column()) }
}

/// The node of a value; a number keeps its spelling, so that `1.10` stays `1.10` where a text is asked for.
fn node(raw: Raw, text: &str) -> Node {
    let kind = match raw.value {
        RawKind::Null => Kind::Null,
        RawKind::Bool(value) => Kind::Bool(value),
        RawKind::Number(number) => {
            let written = source(raw.defined, text).map_or_else(|| number.to_string(), str::to_owned);
            Kind::Number(number, written)
        }
        RawKind::Text(value) => Kind::Text(value),
        RawKind::List(items) => Kind::List(items.into_iter().map(|item| node(item, text)).collect()),
        RawKind::Map(fields) => Kind::Map(
            fields
                .into_iter()
                .map(|(key, value)| Field { at: position(key.defined), key: key.value, value: node(value, text) })
                .collect(),
        ),
    };
    Node { kind, at: position(raw.defined) }
}

fn source(location: Location, text: &str) -> Option<&str> {
    let span = location.span();
    let from = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    text.get(from..from.checked_add(length)?).map(str::trim).filter(|source| !source.is_empty())
}

/// A value as the YAML reader gives it, with its place.
type Raw = Spanned<RawKind>;

enum RawKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for RawKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = RawKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawKind, E> {
        Ok(RawKind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawKind, E> {
        Ok(RawKind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawKind, E> {
        Ok(RawKind::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawKind, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number is not finite"))?;
        Ok(RawKind::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawKind, E> {
        Ok(RawKind::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawKind, E> {
        Ok(RawKind::Text(value))
    }

    fn visit_unit<E>(self) -> Result<RawKind, E> {
        Ok(RawKind::Null)
    }

    fn visit_none<E>(self) -> Result<RawKind, E> {
        Ok(RawKind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawKind, D::Error> {
        RawKind::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawKind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawKind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawKind, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            fields.push((key, access.next_value()?));
        }
        Ok(RawKind::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place_and_numbers_their_spelling() {
        let text = "a: 1.10\nb:\n  - yes\n  - 0x1F\n  - {c: ~}\n";
        let node = parse("x.yaml", text).unwrap();
        assert_eq!(node.get("a").unwrap().scalar().unwrap(), "1.10");
        let Kind::List(items) = &node.get("b").unwrap().kind else { panic!("{node:?}") };
        assert_eq!((items[0].scalar().unwrap().as_str(), items[0].at.line), ("yes", 3));
        assert_eq!(items[1].scalar().unwrap(), "0x1F");
        let field = &items[2].fields().unwrap()[0];
        assert_eq!((field.at.line, field.at.column, field.value.is_null()), (5, 6, true));
    }

    #[test]
    fn broken_files_are_reported_with_their_line() {
        for (text, line, message) in [
            ("a: 1\na: 2\n", 2, "key `a` stands here twice"),
            ("a: [1, 2\nb: 3\n", 2, ""),
            ("a: \"x\n", 1, ""),
            ("a: *nothing\n", 1, ""),
        ] {
            let found = parse("x.yaml", text).unwrap_err();
            assert!(found.line >= line, "{found}");
            assert!(found.message.contains(message) && !found.message.contains(" line "), "{found}");
        }
    }

    #[test]
    fn a_file_that_explodes_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(parse("bomb.yaml", &text).is_err());
        assert!(parse("deep.yaml", &"[".repeat(10_000)).is_err());
    }
}
