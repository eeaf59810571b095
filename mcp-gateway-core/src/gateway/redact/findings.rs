//! What was found, by kind; never the thing itself.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Serialize;

/// Kinds of what looks like a secret, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Kinds(Vec<&'static str>);

impl Kinds {
    pub(super) fn note(&mut self, kind: &'static str) {
        if !self.0.contains(&kind) {
            self.0.push(kind);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// What was found in a request and in its result, as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    #[serde(skip_serializing_if = "Kinds::is_empty")]
    arguments: Kinds,
    #[serde(skip_serializing_if = "Kinds::is_empty")]
    results: Kinds,
}

impl Findings {
    pub(crate) fn note_arguments(findings: &Mutex<Self>, kinds: Kinds) {
        findings.lock().unwrap_or_else(PoisonError::into_inner).arguments = kinds;
    }

    pub(crate) fn note_results(findings: &Mutex<Self>, kinds: Kinds) {
        findings.lock().unwrap_or_else(PoisonError::into_inner).results = kinds;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arguments.is_empty() && self.results.is_empty()
    }
}
