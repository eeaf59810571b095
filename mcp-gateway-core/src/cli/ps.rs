//! `ps`: the servers that run.

use super::Env;
use super::output::FormatArgs;
use crate::error::Result;
use crate::util::clock;

/// How they are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcp-gateway ps
  mcp-gateway ps --format json

Shown are the servers of every gateway of this home. LAST USED and BY tell of the last request that reached the server,
as the profile's audit trail has it.")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let instances = env.home.instances(&env.docker).await?;
        let header = ["ID", "SERVER", "PROFILE", "SESSION", "RUNTIME", "IMAGE", "STATE", "STARTED", "LAST USED", "BY"];
        self.format.open().rows(&instances, &header, |instance| {
            vec![
                short(instance.id.as_str()),
                instance.owner.server.to_string(),
                instance.owner.profile.to_string(),
                instance.owner.session.as_ref().map(|session| short(session.as_str())).unwrap_or_default(),
                instance.runtime.clone(),
                instance.image.clone(),
                instance.state.clone(),
                clock::rfc3339(instance.started),
                instance.last_used.map(clock::rfc3339).unwrap_or_default(),
                instance.last_principal.clone().unwrap_or_default(),
            ]
        })
    }
}

/// The beginning of an id, as much as tells it from others.
pub(crate) fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
