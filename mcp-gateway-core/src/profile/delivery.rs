//! How a server is given its secrets, as a person writes it.

use std::fmt;

use indexmap::IndexMap;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::model::{SecretDelivery, SecretEntry};

/// How a server is given its secrets: one word for all of them, or one for each by its name.
///
/// ```yaml
/// servers:
///   github: {delivery: file}
///   jira:
///     delivery: {JIRA_TOKEN: file, JIRA_USER: env}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum DeliverySpec {
    /// All of them.
    All(SecretDelivery),
    /// By the variable's name or the catalog's; the others as the catalog says.
    Each(IndexMap<String, SecretDelivery>),
}

impl DeliverySpec {
    /// What is written for a secret.
    pub fn of(&self, secret: &SecretEntry) -> Option<SecretDelivery> {
        match self {
            Self::All(delivery) => Some(*delivery),
            Self::Each(each) => each.get(&secret.env).or_else(|| each.get(&secret.name)).copied(),
        }
    }

    /// The names that something is written for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let each = match self {
            Self::All(_) => None,
            Self::Each(each) => Some(each),
        };
        each.into_iter().flat_map(IndexMap::keys).map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for DeliverySpec {
    // By hand, because a derived reader of several forms could only say that none of them fits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DeliveryVisitor;

        impl<'de> Visitor<'de> for DeliveryVisitor {
            type Value = DeliverySpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`env`, `file`, `header`, or a mapping of the names of secrets to one of these")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<DeliverySpec, E> {
                SecretDelivery::deserialize(word.into_deserializer()).map(DeliverySpec::All)
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<DeliverySpec, A::Error> {
                IndexMap::deserialize(MapAccessDeserializer::new(access)).map(DeliverySpec::Each)
            }
        }

        deserializer.deserialize_any(DeliveryVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_or_one_for_each() {
        let secret = SecretEntry::new("jira.token", "JIRA_TOKEN");
        assert_eq!(serde_json::from_str::<DeliverySpec>(r#""file""#).unwrap().of(&secret), Some(SecretDelivery::File));
        for (text, found) in [
            (r#"{"JIRA_TOKEN": "file"}"#, Some(SecretDelivery::File)),
            (r#"{"jira.token": "env"}"#, Some(SecretDelivery::Env)),
            (r#"{"jira.token": "file", "JIRA_TOKEN": "env"}"#, Some(SecretDelivery::Env)),
            (r#"{"OTHER": "file"}"#, None),
        ] {
            let spec = serde_json::from_str::<DeliverySpec>(text).unwrap();
            assert_eq!(spec.of(&secret), found, "{text}");
            let written = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<DeliverySpec>(&written).unwrap(), spec);
        }
        for (text, said) in
            [("7", "`env`, `file`"), (r#""fiel""#, "expected one of `env`, `file`, `header`"), (r#"{"A": "x"}"#, "`x`")]
        {
            let error = serde_json::from_str::<DeliverySpec>(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
