//! The APIs that are known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names;
use crate::error::{Error, ErrorKind, Result};

/// The shape of tools that a model API takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI's Chat Completions and the many APIs that follow it: `openai-chat`.
    OpenaiChat,
    /// OpenAI's Responses: `openai-responses`.
    OpenaiResponses,
    /// Anthropic's Messages: `anthropic`.
    Anthropic,
    /// Google's Gemini: `gemini`.
    Gemini,
}

impl Dialect {
    /// Every dialect, for tables and tests.
    pub const ALL: [Self; 4] = [Self::OpenaiChat, Self::OpenaiResponses, Self::Anthropic, Self::Gemini];

    /// The name that bindings and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    pub(super) const fn is_openai(self) -> bool {
        matches!(self, Self::OpenaiChat | Self::OpenaiResponses)
    }

    pub(super) const fn alphabet(self) -> names::Alphabet {
        match self {
            Self::Gemini => names::LETTER_FIRST,
            _ => names::TOOL,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a dialect"))
                .with_hint(format!("use one of {known}"))
        })
    }
}
