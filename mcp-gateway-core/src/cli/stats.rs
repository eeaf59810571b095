//! `stats`: what the running servers use.

use std::time::Duration;

use super::Env;
use super::output::FormatArgs;
use super::ps::short;
use crate::error::Result;

/// How it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-gateway stats
  mcp-gateway stats --format json | jq 'map(.memoryBytes) | add'

CPU TIME is what a server has used since its start.")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let instances = env.home.instances(&env.docker).await?;
        let header = ["ID", "SERVER", "PROFILE", "RUNTIME", "MEMORY", "CPU TIME", "PIDS"];
        self.format.open().rows(&instances, &header, |instance| {
            vec![
                short(instance.id.as_str()),
                instance.owner.server.to_string(),
                instance.owner.profile.to_string(),
                instance.runtime.clone(),
                instance.memory_bytes.map_or_else(unknown, mebibytes),
                instance.cpu_millis.map_or_else(unknown, cpu_time),
                instance.pids.map_or_else(unknown, |pids| pids.to_string()),
            ]
        })
    }
}

fn unknown() -> String {
    "-".to_owned()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn cpu_time(millis: u64) -> String {
    format!("{:.2}s", Duration::from_millis(millis).as_secs_f64())
}
