//! What `catalog search` shows.

use serde::Serialize;

use super::{ServerRow, servers};
use crate::catalog::SearchResult;
use crate::cli::output::Output;
use crate::cli::report;
use crate::error::Result;
use crate::model::ServerName;

/// A tool in lists.
#[derive(Debug, Serialize)]
struct ToolRow {
    server: ServerName,
    name: String,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
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
