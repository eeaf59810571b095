//! `prune`: removes what dead gateways left behind.

use serde::Serialize;

use super::output::FormatArgs;
use super::{Env, report};
use crate::error::Result;
use crate::model::InstanceId;

/// How it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-gateway prune
  mcp-gateway prune --format json

Every gateway does this when it starts; servers of living gateways stay.")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Debug, Serialize)]
struct Removed {
    runtime: &'static str,
    id: InstanceId,
}

impl Args {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let mut removed = Vec::new();
        for runtime in env.home.answering_runtimes(&env.docker).await? {
            let swept = runtime.sweep().await?;
            removed.extend(swept.into_iter().map(|id| Removed { runtime: runtime.name(), id }));
        }
        if removed.is_empty() {
            report::note("nothing was left behind");
        }
        self.format.open().rows(&removed, &["RUNTIME", "ID"], |row| vec![row.runtime.to_owned(), row.id.to_string()])
    }
}
