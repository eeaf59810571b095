//! What `catalog ls` shows.

use crate::cli::output::Output;
use crate::cli::{Env, report};
use crate::error::Result;
use crate::gateway::home::CatalogState;

/// Shows the registered catalogs; nothing is fetched.
pub(super) async fn show(env: &Env, out: &mut Output) -> Result<()> {
    let rows = env.home.list_catalogs().await?;
    for row in &rows {
        if let Some(error) = &row.error {
            report::warning(format_args!("catalog `{}` is broken: {error}", row.name));
        }
        if let Some(failure) = &row.failure {
            report::warning(format_args!(
                "catalog `{}` was not fetched at {}: {}",
                row.name, failure.time, failure.reason
            ));
        }
    }
    if rows.is_empty() {
        report::note("no catalog is registered");
        report::hint("register one with `mcp-gateway catalog add NAME ORIGIN`");
    }
    out.rows(&rows, &["NAME", "SERVERS", "STATE", "LAST SYNC", "TITLE", "ORIGIN"], |row| {
        vec![
            row.name.clone(),
            if row.state == CatalogState::Broken { String::new() } else { row.servers.to_string() },
            format!("{}{}", state(row.state), if row.signed.is_some() { ", signed" } else { "" }),
            row.last_sync.clone().unwrap_or_default(),
            row.display_name.clone().unwrap_or_default(),
            row.origin.clone().unwrap_or_default(),
        ]
    })
}

const fn state(state: CatalogState) -> &'static str {
    match state {
        CatalogState::Synced => "synced",
        CatalogState::Stale => "stale",
        CatalogState::Own => "own",
        CatalogState::Linked => "linked",
        CatalogState::Copied => "copied",
        CatalogState::Broken => "broken",
    }
}
