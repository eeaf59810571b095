//! How a server is given a secret.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::util::pattern::did_you_mean;

/// How a server is given a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SecretDelivery {
    /// As the value of its environment variable.
    #[default]
    Env,
    /// In a file that is in memory only, whose path the variable with `_FILE` after its name has.
    File,
    /// Never: the variable has a stand-in, in whose place the value is put on the way to the hosts that it is for.
    Header,
}

impl SecretDelivery {
    const ALL: [Self; 3] = [Self::Env, Self::File, Self::Header];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Header => "header",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// `InvalidInput` when it is none.
    pub fn parse(word: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|delivery| delivery.as_str() == word).ok_or_else(|| {
            let error = Error::new(ErrorKind::InvalidInput, format!("`{word}` is no way to give a server a secret"));
            match did_you_mean(word, Self::ALL.map(Self::as_str)) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint("write `env`, `file` or `header`"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for delivery in SecretDelivery::ALL {
            assert_eq!(SecretDelivery::parse(delivery.as_str()).unwrap(), delivery);
            assert_eq!(serde_json::to_value(delivery).unwrap(), delivery.as_str());
        }
        let refused = SecretDelivery::parse("fiel").unwrap_err();
        assert_eq!((refused.kind(), refused.hints().next()), (ErrorKind::InvalidInput, Some("did you mean `file`?")));
    }
}
