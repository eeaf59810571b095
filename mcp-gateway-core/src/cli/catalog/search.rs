//! What `catalog search` shows.

use std::sync::Arc;

use serde::Serialize;

use super::{ServerRow, servers};
use crate::catalog::{SearchIndex, SearchQuery, SearchResult, VectorCache};
use crate::cli::output::Output;
use crate::cli::report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ServerEntry, ServerName};

/// How many texts a model reads before anyone wonders why nothing happens.
const MANY: usize = 200;

/// A tool in lists.
#[derive(Debug, Serialize)]
struct ToolRow {
    server: ServerName,
    name: String,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Searches by words, and with a model also by meaning.
pub(super) async fn find(
    entries: Vec<Arc<ServerEntry>>,
    vectors: Option<Arc<VectorCache>>,
    query: SearchQuery,
) -> Result<SearchResult> {
    let find = move || {
        let Some(vectors) = vectors else {
            let mut index = SearchIndex::new();
            entries.into_iter().for_each(|entry| index.put(entry, None));
            return Ok(index.search(&query));
        };
        let mut index = SearchIndex::new().with_vectors(Arc::clone(&vectors));
        entries.into_iter().for_each(|entry| index.put(entry, None));
        let new = index.missing().len();
        if new > MANY {
            report::note(format_args!("the model reads {new} texts; this is done once"));
        }
        index.embed()?;
        Ok(index.search(&vectors.embed_query(query)?))
    };
    let broken = |cause| Error::new(ErrorKind::Internal, "the search was broken off").with_source(cause);
    tokio::task::spawn_blocking(find).await.map_err(broken)?
}

/// Shows the servers, or their tools, and what to do where there are none.
pub(super) fn show(found: &SearchResult, tools: bool, limit: usize, out: &mut Output) -> Result<()> {
    if found.matches.is_empty() {
        report::note("nothing in the catalogs fits");
        if !found.categories.is_empty() {
            report::hint(format_args!("there are servers of other categories: {}", found.categories.join(", ")));
        }
    }
    if !tools {
        let rows: Vec<ServerRow> = found.matches.iter().map(|found| ServerRow::from(found.entry.as_ref())).collect();
        return servers(out, &rows);
    }
    let mut rows: Vec<ToolRow> = found
        .matches
        .iter()
        .flat_map(|server| {
            server.tools.iter().map(|tool| ToolRow {
                server: server.entry.name.clone(),
                name: tool.name.clone(),
                score: tool.score,
                description: tool.description.clone(),
            })
        })
        .collect();
    rows.sort_by(|a, b| b.score.total_cmp(&a.score));
    rows.truncate(limit);
    out.rows(&rows, &["SERVER", "TOOL", "DESCRIPTION"], |row| {
        vec![row.server.to_string(), row.name.clone(), row.description.clone().unwrap_or_default()]
    })
}
