//! What a search finds.

use std::sync::Arc;

use serde::Serialize;

use crate::model::ServerEntry;

/// What a search found.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SearchResult {
    /// The servers that fit, the best first.
    pub matches: Vec<Match>,
    /// Where nothing fits: the categories that are nearest, or else those with the most servers.
    pub categories: Vec<String>,
}

/// A server that was found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Match {
    /// Its entry.
    pub entry: Arc<ServerEntry>,
    /// How well it fits; comparable within one search only.
    pub score: f64,
    /// Its tools that the query is about, the best first.
    pub tools: Vec<ToolMatch>,
}

/// A tool that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolMatch {
    /// Its name, as its server or the catalog has it.
    pub name: String,
    /// How well it fits; comparable within one search only, and also between servers.
    pub score: f64,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
