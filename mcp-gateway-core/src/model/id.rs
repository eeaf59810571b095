//! Names and ids as types of their own, checked once where they come in.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The longest name: it must fit into a container label and a file name.
const MAX_NAME: usize = 128;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks a name: 1 to 128 letters, digits, `.`, `_`, `-`, starting with a letter or digit.
            ///
            /// # Errors
            /// `InvalidInput`, naming the text.
            pub fn new(text: impl AsRef<str>) -> Result<Self> {
                check_name(text.as_ref(), $what).map(|()| Self(text.as_ref().into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name!(
    /// The name of a server in a catalog and a profile.
    ServerName,
    "server name"
);
name!(
    /// The name of a profile.
    ProfileName,
    "profile name"
);
name!(
    /// One client's session with the gateway.
    SessionId,
    "session id"
);
name!(
    /// One running server: a container, a process or a remote connection.
    InstanceId,
    "instance id"
);

impl SessionId {
    /// A fresh unguessable id of 128 bits.
    ///
    /// # Errors
    /// `Internal` when the operating system has no randomness to give.
    pub fn random() -> Result<Self> {
        crate::util::random::hex(16).and_then(Self::new)
    }
}

fn check_name(text: &str, what: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
    if text.is_empty() || text.len() > MAX_NAME {
        return wrong(format!("{what} must have 1 to {MAX_NAME} characters, not {}", text.len()));
    }
    if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return wrong(format!("{what} `{text}` must start with a letter or digit"));
    }
    match text.chars().find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(bad) => wrong(format!(
            "{what} `{text}` has `{}`; allowed are letters, digits, `.`, `_` and `-`",
            bad.escape_debug()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_options_or_paths_are_refused() {
        for bad in ["", "-rf", "../x", "a/b", "a b", "a\n", ".hidden", &"x".repeat(129)] {
            assert_eq!(ServerName::new(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        assert_eq!(ServerName::new("SQLite-3.x_y").unwrap().as_str(), "SQLite-3.x_y");
    }
}
