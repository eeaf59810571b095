//! What happens when a server offers something else than was accepted, as a person writes it.

use serde::{Deserialize, Serialize};

/// What is held back of what a server offers, until an operator has looked at it.
///
/// ```yaml
/// surfaces:
///   additions: accept
///   descriptions: hold
///   changes: hold
///   flagged: hold
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SurfacesSpec {
    /// Tools, prompts, resources, templates and instructions that were not there before.
    pub additions: SurfaceWord,
    /// Instructions that changed, and definitions of which nothing changed but `title` and `description`.
    pub descriptions: SurfaceWord,
    /// Every other change; it is always held back.
    pub changes: SurfaceHold,
    /// What looks as if it were made to deceive, the first time too.
    pub flagged: FlaggedWord,
}

/// Whether something counts at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SurfaceWord {
    /// Nobody sees it before an operator has accepted it.
    #[default]
    Hold,
    /// It is accepted as it comes, and recorded as such.
    Accept,
}

/// The only word for changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SurfaceHold {
    /// Nobody sees it before an operator has accepted it.
    #[default]
    Hold,
}

/// What happens with what is flagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlaggedWord {
    /// Nobody sees it before an operator has accepted it.
    #[default]
    Hold,
    /// The flags are shown to operators, and nothing else comes of them.
    Warn,
}

impl SurfacesSpec {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
