//! What is wrong with a file, and where.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind};
use crate::util::pattern::did_you_mean;

/// The most problems that one error lists; the rest is counted.
const MAX_LISTED: usize = 20;

/// Something about a file that its author should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1; 0 where it is unknown.
    pub line: u32,
    /// The column, from 1; 0 where it is unknown.
    pub column: u32,
    /// What it is, in lower case.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// The place as `file:line:column`.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.to_string(),
            line => format!("{}:{line}:{}", self.file, self.column),
        }
    }

    /// The diagnostic as an error of kind `InvalidConfig`.
    pub fn into_error(self) -> Error {
        let place = self.place();
        let error = Error::new(ErrorKind::InvalidConfig, self.message).with_context("file", place);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// A place in a file, both from 1; 0 where it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The problems of one file, collected while it is read.
#[derive(Debug)]
pub(crate) struct Problems {
    file: Arc<str>,
    warnings: RefCell<Vec<Diagnostic>>,
    errors: RefCell<Vec<Diagnostic>>,
}

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), warnings: RefCell::default(), errors: RefCell::default() }
    }

    pub(crate) fn warn(&self, at: Position, message: impl Into<String>, hint: Option<String>) {
        self.warnings.borrow_mut().push(self.diagnostic(at, message.into(), hint));
    }

    pub(crate) fn error(&self, at: Position, message: impl Into<String>, hint: Option<String>) {
        self.errors.borrow_mut().push(self.diagnostic(at, message.into(), hint));
    }

    pub(crate) fn diagnostic(&self, at: Position, message: String, hint: Option<String>) -> Diagnostic {
        Diagnostic { file: Arc::clone(&self.file), line: at.line, column: at.column, message, hint }
    }

    /// The warnings so far, taken out, in the order of the file.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.warnings.take();
        warnings.sort_by_key(|warning| (warning.line, warning.column));
        warnings
    }

    /// The errors so far, taken out.
    pub(crate) fn take_errors(&self) -> Vec<Diagnostic> {
        self.errors.take()
    }

    /// Puts errors back that were taken out.
    pub(crate) fn restore(&self, errors: Vec<Diagnostic>) {
        self.errors.replace(errors);
    }
}

/// One error for all of these: the first in full, the others as hints.
pub(crate) fn joined(mut errors: Vec<Diagnostic>) -> Option<Error> {
    if errors.is_empty() {
        return None;
    }
    let rest = errors.split_off(1);
    let mut error = errors.pop()?.into_error();
    if !rest.is_empty() {
        error = error.with_context("further problems", rest.len());
    }
    for further in rest.iter().take(MAX_LISTED) {
        error = error.with_hint(further.to_string());
    }
    Some(error)
}

/// "did you mean" with the known word that is closest, if one is close.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    did_you_mean(word, known).map(|meant| format!("did you mean `{meant}`?"))
}
