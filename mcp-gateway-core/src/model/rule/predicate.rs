//! What must hold for a value in the arguments.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON pointer (RFC 6901) into the arguments: `/path`, `/files/0/name`; the empty one is all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(String);

impl Pointer {
    /// Checks a pointer.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !text.is_empty() && !text.starts_with('/') {
            return Err(format!("`{text}` is not a JSON pointer: write `/{text}`"));
        }
        if !escapes {
            return Err(format!("`{text}` is not a JSON pointer: `~` is written `~0`, and `/` in a key `~1`"));
        }
        Ok(Self(text))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

/// What must hold for a value; everything that is written has to.
///
/// A value that is not there fulfils nothing but `exists: false` and `not`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Predicate {
    /// Whether it is there; `null` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// It is this; numbers are compared by what they are worth. `null` is written `in: [null]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// It is one of these.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// It is a text that this glob matches as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glob: Option<String>,
    /// It is a number above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// It is a number below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// It is a number, and at least this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// It is a number, and at most this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// It is a text of at least so many characters, or a list or object of at least so many members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    /// It is a text of at most so many characters, or a list or object of at most so many members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// It is a list, and this holds for one of its items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_item: Option<Box<Self>>,
    /// This does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Self>>,
}

impl Predicate {
    /// It is this.
    pub fn equals(value: impl Into<Value>) -> Self {
        Self { equals: Some(value.into()), ..Self::default() }
    }

    /// It is a text that this glob matches.
    pub fn glob(glob: impl Into<String>) -> Self {
        Self { glob: Some(glob.into()), ..Self::default() }
    }

    /// This does not hold.
    pub fn unless(inner: Self) -> Self {
        Self { not: Some(Box::new(inner)), ..Self::default() }
    }

    /// Whether it demands nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
            || self.not.as_deref().is_some_and(Self::is_empty)
            || self.any_item.as_deref().is_some_and(Self::is_empty)
    }
}
