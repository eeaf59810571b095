//! The one type that holds a secret's value.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret's value: never printed, never serialised, wiped from memory when the last holder drops it.
///
/// # Examples
/// ```
/// use mcp_gateway_core::model::SecretValue;
///
/// let token = SecretValue::new("ghp_123");
/// assert_eq!(format!("{token:?}"), "***");
/// assert_eq!(token.expose(), "ghp_123");
/// ```
#[derive(Clone)]
pub struct SecretValue(Arc<Zeroizing<String>>);

impl SecretValue {
    /// Takes a value; the text that was passed in is moved, not copied.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(value.into())))
    }

    /// The value itself, to be handed to a server and to nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the value is the empty text, which no server should ever receive as a secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for SecretValue {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for SecretValue {}
