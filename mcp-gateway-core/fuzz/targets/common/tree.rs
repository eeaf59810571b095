//! A second reader of JSON, which keeps what the gateway's own would refuse: keys that stand twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deeper values stay text.
const MAX_DEPTH: usize = 64;

/// A JSON value; numbers, and texts that are no Unicode, as they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Plain(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a valid JSON text.
    pub(crate) fn read(text: &str) -> Self {
        Self::at(text.trim(), 0)
    }

    fn at(text: &str, depth: usize) -> Self {
        let plain = || Self::Plain(text.to_owned());
        let below = |raw: &RawValue| Self::at(raw.get(), depth + 1);
        if depth > MAX_DEPTH {
            return plain();
        }
        match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map_or_else(|_| plain(), Self::Text),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
                .map_or_else(|_| plain(), |items| Self::Array(items.into_iter().map(below).collect())),
            Some(b'{') => serde_json::from_str::<Members<'_>>(text).map_or_else(
                |_| plain(),
                |members| Self::Object(members.0.into_iter().map(|(key, value)| (key, below(value))).collect()),
            ),
            _ => plain(),
        }
    }

    /// The last member whose key is the wanted one to this reader.
    pub(crate) fn last(&self, is_wanted: impl Fn(&str) -> bool) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| is_wanted(key)).map(|(_, value)| value)
    }

    /// Every member of an object with this key.
    pub(crate) fn all(&self, wanted: &str) -> impl Iterator<Item = &Self> {
        let members = if let Self::Object(members) = self { members.as_slice() } else { &[] };
        members.iter().filter(move |(key, _)| key == wanted).map(|(_, value)| value)
    }

    /// Whether a text is this one.
    pub(crate) fn is_text(&self, wanted: &str) -> bool {
        matches!(self, Self::Text(text) if text == wanted)
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Members)
    }
}
