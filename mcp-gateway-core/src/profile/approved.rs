//! What an operator has approved of a server.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The definitions that an operator has looked at and approved, of one server as it was then.
///
/// # Behavior
/// - It counts for exactly these definitions, while the catalog entry and what runs are the same: with another image,
///   version or address it is void, and a definition that changed is no longer one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ApprovedSurface {
    /// The fingerprint of the catalog entry.
    pub entry: String,
    /// What ran: the image's digest or id, the package with its version, the address.
    pub identity: String,
    /// The hashes of the definitions in their canonical form.
    pub definitions: BTreeSet<String>,
    /// Who approved.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time: String,
}

impl ApprovedSurface {
    /// Nothing of a server yet.
    pub fn new(entry: impl Into<String>, identity: impl Into<String>) -> Self {
        Self { entry: entry.into(), identity: identity.into(), ..Self::default() }
    }

    /// Whether it is about a server of this entry and identity.
    pub fn is_of(&self, entry: &str, identity: &str) -> bool {
        !identity.is_empty() && self.entry == entry && self.identity == identity
    }
}
