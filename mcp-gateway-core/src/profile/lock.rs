//! What the gateway pinned for a profile.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, ServerName, Surface};

/// A profile's lock file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProfileLock {
    /// The servers that were resolved.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub servers: IndexMap<ServerName, ServerLock>,
    /// The names under which things are exposed; a name once given keeps its meaning.
    pub names: NameTable,
}

/// What one server was resolved to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServerLock {
    /// The fingerprint of the catalog entry that was resolved; another entry makes the pin void.
    pub entry: String,
    /// The image's digest in its registry, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What ran: the image's digest or id, or the installed package's version; the surface is bound to it.
    pub identity: String,
    /// What the server offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// When the surface was recorded, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recorded: String,
}

/// Exposed names, each with the canonical `server.name` that it means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NameTable {
    /// Tools.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub tools: IndexMap<String, String>,
    /// Prompts.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub prompts: IndexMap<String, String>,
    /// Resources, by URI.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub resources: IndexMap<String, String>,
}
