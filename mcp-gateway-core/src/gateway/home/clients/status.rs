//! What is asked for and what is told about clients.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::ProfileName;

/// Whose configuration is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ClientScope {
    /// The user's own, for every project.
    #[default]
    User,
    /// A project's, which others may share.
    Project,
}

impl ClientScope {
    /// The scope's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// How a client is connected or disconnected; everything has a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Whose configuration.
    pub scope: ClientScope,
    /// The project's folder; the current one where it is not said.
    pub folder: Option<PathBuf>,
    /// The profile that the client gets.
    pub profile: Option<ProfileName>,
    /// The name under which the gateway stands there: `mcp-gateway`.
    pub name: Option<String>,
    /// The program that the client starts; this one where it is not said.
    pub program: Option<PathBuf>,
    /// Whether a copy of the file is kept beside it.
    pub backup: bool,
    /// Whether a client counts that seems not to be installed, and an entry of somebody else's under the name.
    pub force: bool,
    /// Whether only the change is shown and nothing is written.
    pub dry_run: bool,
}

/// What is known about a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientStatus {
    /// The name that it goes by here.
    pub client: String,
    /// What people call it.
    pub title: String,
    /// Whose configuration this is.
    pub scope: ClientScope,
    /// Its file.
    pub path: PathBuf,
    /// Whether the client seems to be installed.
    pub installed: bool,
    /// Whether the gateway stands in the file.
    pub connected: bool,
    /// Under which name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The profile that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The program that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Why the file cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What was done with a client's configuration, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientChange {
    /// The name that the client goes by here.
    pub client: String,
    /// What people call it.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// The name under which the gateway stands there.
    pub name: String,
    /// Whether anything changes.
    pub changed: bool,
    /// The lines that change.
    pub diff: String,
    /// The copy of the file as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<PathBuf>,
    /// What a person does next.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}
