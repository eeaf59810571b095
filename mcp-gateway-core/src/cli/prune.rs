//! `prune`: removes what dead gateways left behind, and what no server was run from for a while.

use std::time::Duration;

use serde::Serialize;

use super::output::FormatArgs;
use super::{Env, report};
use crate::error::Result;
use crate::model::InstanceId;
use crate::profile::parse_duration;
use crate::util::clock;

/// What is removed, and how it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-gateway prune
  mcp-gateway prune --unused 7d --dry-run
  mcp-gateway prune --unused 7d

Without --unused, this removes the containers and processes of dead gateways, as every gateway does when it starts; servers
of living gateways stay.

With --unused, it removes images and packages that servers of this home were run from, and the volumes of packages that
were run in base images, with what their servers wrote there, but not within that time, as the audit trails have it. What a
container uses or another name refers to stays; a server that needs it again gets it again.")]
pub(crate) struct Args {
    /// Remove the images, packages and their volumes that no server was run from for so long, such as `7d`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    unused: Option<Duration>,
    /// Only show which
    #[arg(long, requires = "unused")]
    dry_run: bool,
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
        match self.unused {
            Some(unused) => self.images(env, unused).await,
            None => self.leftovers(env).await,
        }
    }

    async fn leftovers(self, env: &Env) -> Result<()> {
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

    async fn images(self, env: &Env, unused: Duration) -> Result<()> {
        let images = if self.dry_run {
            env.home.prunable(unused).await?
        } else {
            env.home.prune_unused(unused, &env.docker).await?
        };
        if images.is_empty() {
            report::note("no image, package or volume that can be removed was unused for so long");
        }
        self.format.open().rows(&images, &["RUNTIME", "IMAGE", "SERVER", "LAST USED"], |used| {
            let server = used.server.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![used.runtime.clone(), used.image.clone(), server, clock::rfc3339(used.last_used)]
        })
    }
}
