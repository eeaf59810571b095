//! What stands out in what a server offers.

use serde::Serialize;
use serde_json::{Value, json};

use super::flags::SurfaceFlag;
use super::hidden::visible;
use crate::profile::SurfaceItem;

/// The most items that one record or message names.
const MAX_NAMED: usize = 20;

/// How an item stands to what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// There was none of its name.
    Added,
    /// There was another one of its name.
    Changed,
    /// It was there, and is no more.
    Removed,
    /// It is as it was, and flagged.
    Flagged,
}

impl ChangeKind {
    /// Its name, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Flagged => "flagged",
        }
    }
}

/// An item that differs from what is accepted, or is flagged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) item: SurfaceItem,
    pub(crate) definition: String,
    pub(crate) change: ChangeKind,
    /// The members that changed, where that can be said.
    pub(crate) fields: Vec<String>,
    pub(crate) flags: Vec<SurfaceFlag>,
    /// Whether it is held back.
    pub(crate) is_held: bool,
}

impl Finding {
    /// Whether it is about the same definition.
    pub(crate) fn is_of(&self, item: &SurfaceItem) -> bool {
        self.item == *item
    }

    /// What it is about, for people.
    pub(crate) fn subject(&self) -> String {
        match self.item.list {
            None => "instructions".to_owned(),
            Some(_) => format!("{} `{}`", self.item.list_name(), visible(&self.item.key)),
        }
    }

    /// Why it is held back.
    pub(crate) fn reason(&self) -> String {
        let mut reason = match self.change {
            ChangeKind::Added => "it is new".to_owned(),
            ChangeKind::Changed if self.fields.is_empty() => "it has changed".to_owned(),
            ChangeKind::Changed => format!("it has changed ({})", self.fields.join(", ")),
            ChangeKind::Removed | ChangeKind::Flagged => String::new(),
        };
        if let Some(flag) = self.flags.first() {
            if !reason.is_empty() {
                reason.push_str(" and ");
            }
            reason.push_str(&format!("it is flagged ({}: {})", flag.kind.as_str(), visible(&flag.detail)));
        }
        reason
    }

    fn record(&self) -> Value {
        let flags: Vec<_> = self.flags.iter().map(|flag| flag.kind.as_str()).collect();
        json!({
            "list": self.item.list_name(),
            "name": visible(&self.item.key),
            "change": self.change.as_str(),
            "fields": self.fields,
            "flags": flags,
            "definition": self.definition,
        })
    }
}

/// The names of what was found, as many as are shown.
pub(crate) fn names(findings: &[Finding]) -> Vec<String> {
    findings.iter().take(MAX_NAMED).map(Finding::subject).collect()
}

/// What was found, for the audit trail.
pub(crate) fn records(findings: &[Finding], identity: &str) -> Value {
    let items: Vec<_> = findings.iter().take(MAX_NAMED).map(Finding::record).collect();
    json!({"identity": identity, "count": findings.len(), "items": items})
}
