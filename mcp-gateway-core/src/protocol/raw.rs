//! JSON that is carried, not understood.

use std::collections::HashSet;
use std::fmt;

use bytestring::ByteString;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::scan::Parts;
use crate::error::{Error, ErrorKind, Result};

/// A valid JSON value as the text it came in: numbers keep their digits, objects their order and unknown keys.
///
/// Clones and the members of an object share the memory of the message that they came in.
#[derive(Clone, Debug)]
pub struct RawJson(ByteString);

impl RawJson {
    /// Checks and takes a JSON text.
    ///
    /// # Errors
    /// `Protocol` when it is not JSON.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let text = ByteString::from(text.into());
        let value: &RawValue = serde_json::from_str(&text).map_err(not_json)?;
        Ok(Self::part_of(&text, value))
    }

    /// A value that was found in a text, without a copy.
    pub(super) fn part_of(text: &ByteString, value: &RawValue) -> Self {
        Self(text.slice_ref(value.get()))
    }

    /// A text that was put together of valid JSON.
    fn of_parts(text: String) -> Self {
        Self(text.into())
    }

    /// Renders a value.
    ///
    /// # Errors
    /// `Internal` when the value has no JSON form, such as a map with keys that are not text.
    pub fn from_value(value: &impl Serialize) -> Result<Self> {
        to_raw_value(value)
            .map(Self::from)
            .map_err(|cause| Error::new(ErrorKind::Internal, "value has no JSON form").with_source(cause))
    }

    /// The empty object.
    pub fn empty_object() -> Self {
        RawObject::default().to_raw()
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// The JSON text, without a copy if nothing else shares it.
    pub fn into_text(self) -> String {
        let bytes = Vec::from(self.0.into_bytes());
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// The bytes of the JSON text, without a copy.
    pub(crate) fn into_bytes(self) -> bytes::Bytes {
        self.0.into_bytes()
    }

    /// Reads the value into a type, ignoring what the type does not name.
    ///
    /// # Errors
    /// `Protocol` when it has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.get()).map_err(not_json)
    }

    /// Reads the value as an object whose members stay raw.
    ///
    /// # Errors
    /// `Protocol` when it is no object or has a key twice.
    pub fn object(&self) -> Result<RawObject> {
        let parts = Parts::of_object(self.get()).ok_or_else(|| unexpected("it is no object"))?;
        let mut members: Vec<(String, Self)> = Vec::new();
        // Most objects have a few members; those with thousands must not take the square of that.
        let mut seen: HashSet<String> = HashSet::new();
        for part in parts {
            let key = self.key(part.key.unwrap_or_default())?;
            if members.len() == FEW {
                seen.extend(members.iter().map(|(name, _)| name.clone()));
            }
            let is_known = if members.len() < FEW {
                members.iter().any(|(name, _)| *name == key)
            } else {
                !seen.insert(key.clone())
            };
            // Two parties that pick different ones of two equal keys would see different requests.
            if is_known {
                let shown: String = key.chars().take(64).collect();
                return Err(unexpected(format_args!("key `{shown}` stands twice")));
            }
            members.push((key, self.part(part.value)));
        }
        Ok(RawObject(members))
    }

    /// The items of a list.
    ///
    /// # Errors
    /// `Protocol` when it is no list.
    pub fn items(&self) -> Result<Vec<Self>> {
        let parts = Parts::of_list(self.get()).ok_or_else(|| unexpected("it is no list"))?;
        Ok(parts.map(|part| self.part(part.value)).collect())
    }

    fn part(&self, (start, end): (usize, usize)) -> Self {
        Self(self.0.slice_ref(&self.0[start..end]))
    }

    fn key(&self, (start, end): (usize, usize)) -> Result<String> {
        let quoted = &self.0[start..end];
        match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(plain) if memchr::memchr(b'\\', plain.as_bytes()).is_none() => Ok(plain.to_owned()),
            _ => serde_json::from_str(quoted).map_err(not_json),
        }
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(raw: Box<RawValue>) -> Self {
        Self(ByteString::from(Box::<str>::from(raw)))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.get()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

/// Up to how many members are compared one by one.
const FEW: usize = 16;

/// A JSON object in its written order whose members stay raw; a key that stands twice is refused.
#[derive(Clone, Debug, Default)]
pub struct RawObject(Vec<(String, RawJson)>);

impl RawObject {
    /// The member with this key.
    pub fn get(&self, key: &str) -> Option<&RawJson> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The member with this key as text, if it is a string.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(|value| value.read().ok())
    }

    /// Sets a member, in its place if it is there and at the end if it is not.
    pub fn set(&mut self, key: &str, value: RawJson) {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Sets a member to a text.
    pub fn set_text(&mut self, key: &str, value: &str) {
        let text = serde_json::Value::from(value).to_string();
        if let Ok(raw) = RawJson::parse(text) {
            self.set(key, raw);
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<RawJson> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object as one raw value.
    pub fn to_raw(&self) -> RawJson {
        // As long as it can get if no key has to be escaped: a large text that grows is copied again.
        let length = self.0.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum::<usize>() + 2;
        let mut text = String::with_capacity(length);
        text.push('{');
        for (at, (key, value)) in self.0.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(key.as_str()).to_string());
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        RawJson::of_parts(text)
    }
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        RawJson::deserialize(deserializer)?.object().map_err(serde::de::Error::custom)
    }
}

/// Whether a JSON text may hold a word; quick, for texts that are large and mostly do not.
///
/// A letter can be written as an escape (`\u0069` is an `i`, `\/` a slash), so that a text with one of the word's may hold
/// the word.
pub(crate) fn may_hold(text: &str, word: &str) -> bool {
    let bytes = text.as_bytes();
    let escaped = |at: usize| u8::from_str_radix(text.get(at + 4..at + 6)?, 16).ok();
    let is_letter = |at: usize| escaped(at).is_some_and(|letter| word.as_bytes().contains(&letter));
    memchr::memmem::find(bytes, word.as_bytes()).is_some()
        || memchr::memmem::find_iter(bytes, br"\u00").any(is_letter)
        || (word.contains('/') && memchr::memmem::find(bytes, br"\/").is_some())
}

fn unexpected(why: impl fmt::Display) -> Error {
    not_json(serde::de::Error::custom(why))
}

fn not_json(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Protocol, "message is not the JSON it should be").with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_stays_as_it_was() {
        let text = r#"{"name":"a","big":123456789012345678901234567890,"f":1.0,"x":{"b":1,"a":[ 1 ]}}"#;
        let mut object = RawJson::parse(text).unwrap().object().unwrap();
        assert_eq!(object.to_raw().get(), text);
        object.set_text("name", "b\"c");
        assert!(object.to_raw().get().starts_with(r#"{"name":"b\"c","big":1234567890123456789012"#));
    }

    #[test]
    fn an_escape_hides_no_word() {
        for text in [r#"{"isError":true}"#, r#"{"is\u0045rror":true}"#, r#"{"\u0069sError":true}"#] {
            assert!(may_hold(text, "\"isError\""), "{text}");
        }
        assert!(may_hold(r#"{"a\/b":1}"#, "a/b"));
        for text in [r#"{"text":"a\/b, \u003cp\u003e\u00e9\u0007\n"}"#, "{}", r#"{"\u00"#] {
            assert!(!may_hold(text, "\"isError\""), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let error = RawJson::parse(r#"{"name":"a","name":"b"}"#).unwrap().object().unwrap_err();
        assert!(error.report().contains("stands twice"));
        let many = |last: &str| {
            let keys: Vec<String> = (0..40).map(|n| format!(r#""k{n}":{n}"#)).collect();
            RawJson::parse(format!("{{{},{last}}}", keys.join(","))).unwrap().object()
        };
        assert!(many(r#""k3":0"#).is_err() && many(r#""k39":0"#).is_err());
        assert_eq!(many(r#""k40":0"#).unwrap().iter().count(), 41);
    }
}
