//! An answer with what it holds for.

use serde::{Deserialize, Serialize};

use super::Answer;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Effect;

/// The longest reason, in bytes.
const MAX_REASON: usize = 4096;
/// The longest name of who answers, in bytes.
const MAX_BY: usize = 1024;

/// For what a yes holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// For this request, once.
    #[default]
    Once,
    /// For every request to the same target in the same session, whatever its arguments.
    Session,
    /// For every request to the same target with the same arguments.
    Arguments,
}

impl Scope {
    /// The name that files and records use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Session => "session",
            Self::Arguments => "arguments",
        }
    }
}

/// An answer with what it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the request may go on.
    pub granted: bool,
    /// Who answered.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// For what a yes holds.
    #[serde(default)]
    pub scope: Scope,
    /// How many seconds a yes for more than one request holds; as long as the profile lets it where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

impl Verdict {
    /// An answer for one request.
    pub fn new(granted: bool, by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { granted, by: by.into(), reason: reason.into(), scope: Scope::Once, ttl_seconds: None }
    }

    /// Makes a yes hold for this.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Makes a yes for more than one request end after so many seconds.
    #[must_use]
    pub fn with_ttl_seconds(mut self, seconds: u64) -> Self {
        self.ttl_seconds = Some(seconds);
        self
    }

    /// Refuses what lacks something that an answer to such a question must have.
    ///
    /// # Errors
    /// `InvalidInput` for an answer of nobody, and for a yes to a hard confirmation without its reason.
    pub fn check(&self, effect: Effect) -> Result<()> {
        let wrong = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        if self.by.trim().is_empty() || self.by.len() > MAX_BY {
            return wrong(format!("an answer names who gives it, in at most {MAX_BY} bytes"));
        }
        if self.reason.len() > MAX_REASON {
            return wrong(format!("a reason has at most {MAX_REASON} bytes"));
        }
        if self.granted && effect == Effect::HardConfirm && self.reason.trim().is_empty() {
            return wrong("a hard confirmation is given with a reason only".to_owned());
        }
        Ok(())
    }
}

impl From<Answer> for Verdict {
    fn from(answer: Answer) -> Self {
        Self::new(answer.granted, answer.by, answer.reason)
    }
}
