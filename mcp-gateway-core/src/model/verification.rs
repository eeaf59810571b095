//! What was found out about an image before it ran.

use serde::{Deserialize, Serialize};

use super::Digest;

/// What was found out about an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// How far it is known to be what it should be.
    pub level: VerificationLevel,
    /// What was checked, for a person.
    pub detail: String,
    /// The image that was checked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// Who signed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signer: Option<String>,
    /// The repository of its source, as signed provenance names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// What built it, as signed provenance names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub builder: Option<String>,
    /// Where signed lists of what is in it are: references to blobs, each with its kind.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sboms: Vec<String>,
    /// When it was checked, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub time: String,
    /// What was asked of it: the finding holds as long as that stays the same.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub rule: String,
}

impl Verification {
    /// Makes a finding.
    pub fn new(level: VerificationLevel, detail: impl Into<String>) -> Self {
        Self {
            level,
            detail: detail.into(),
            digest: None,
            signer: None,
            source: None,
            builder: None,
            sboms: Vec::new(),
            time: String::new(),
            rule: String::new(),
        }
    }

    /// Whether this is the same finding, whenever it was made.
    pub fn is_same(&self, other: &Self) -> bool {
        let timeless = |found: &Self| Self { time: String::new(), ..found.clone() };
        timeless(self) == timeless(other)
    }
}

/// How far an image is known to be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum VerificationLevel {
    /// Nothing is known: a local image, or a tag that may move.
    None,
    /// It is exactly the image that was named or seen before.
    Pinned,
    /// A trusted signer vouches for it.
    Signed,
}

impl VerificationLevel {
    /// The name that files and tables use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pinned => "pinned",
            Self::Signed => "signed",
        }
    }
}
