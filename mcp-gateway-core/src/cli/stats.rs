//! `stats`: what the running servers use.

use std::time::Duration;

use super::Env;
use super::output::FormatArgs;
use super::ps::short;
use crate::error::Result;
use crate::util::clock;

/// How it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-gateway stats
  mcp-gateway stats --format json | jq 'map(.memoryBytes) | add'

CPU is what a server uses now, in percent of one core, measured for a second; CPU TIME what it has used since its start.
IN and OUT are the bytes of its own network, where it has one.")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let instances = env.home.stats(&env.docker).await?;
        let header =
            ["ID", "SERVER", "PROFILE", "RUNTIME", "CPU", "CPU TIME", "MEMORY", "IN", "OUT", "PIDS", "LAST USED", "BY"];
        self.format.open().rows(&instances, &header, |instance| {
            vec![
                short(instance.id.as_str()),
                instance.owner.server.to_string(),
                instance.owner.profile.to_string(),
                instance.runtime.clone(),
                instance.cpu_percent.map_or_else(unknown, |percent| format!("{percent:.1}%")),
                instance.cpu_millis.map_or_else(unknown, cpu_time),
                instance.memory_bytes.map_or_else(unknown, mebibytes),
                instance.network_received_bytes.map_or_else(unknown, mebibytes),
                instance.network_sent_bytes.map_or_else(unknown, mebibytes),
                instance.pids.map_or_else(unknown, |pids| pids.to_string()),
                instance.last_used.map_or_else(unknown, clock::rfc3339),
                instance.last_principal.clone().unwrap_or_else(unknown),
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
