//! `oauth`: tokens of remote servers.

mod authorize;
mod browser;
mod listen;

use clap::Subcommand;

use super::args::{CatalogArgs, ProfileArgs, SecretArgs};
use super::output::FormatArgs;
use super::{Env, assemble, report, signals};
use crate::error::Result;
use crate::gateway::OAuthState;
use crate::gateway::home::AuditSource;
use crate::model::ServerName;

/// What is done with the tokens of remote servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the servers of a profile that need authorization, and how it is; never a token
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway oauth ls --profile dev-tools
  mcp-gateway oauth ls --format json | jq '.[] | select(.state != \"authorized\")'

States: `needed` (run `oauth authorize`), `authorized`, `more_scopes` (authorize again), `expired` (authorize again),
`unattended` (the gateway gets tokens by itself). A server that never asked for a token is not in the list."
    )]
    Ls {
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        secrets: SecretArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Authorize a remote server of a profile: you agree in a browser, the gateway keeps the tokens
    #[command(after_help = "Examples:
  mcp-gateway oauth authorize notion                      # opens a browser and waits for it to come back
  mcp-gateway oauth authorize notion --no-browser         # prints the address for a browser of this machine
  ssh host mcp-gateway oauth authorize notion --paste     # for a browser elsewhere: paste the address it ends at

With --paste the browser ends at an address that it cannot open, on 127.0.0.1: copy that address whole, it holds the code.
A client id of your own, an issuer or scopes are set under the server's `oauth` in the profile; what is not set there is
found out from the server. Tokens are kept with the secrets, for this profile and server; calls renew them.")]
    Authorize(authorize::Args),
    /// End the authorization of a server: at its authorization server, and here
    #[command(
        visible_alias = "rm",
        after_help = "Example:
  mcp-gateway oauth revoke notion --profile dev-tools"
    )]
    Revoke {
        /// The server
        server: ServerName,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        secrets: SecretArgs,
    },
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Ls { profile, catalog, secrets, format } => ls(env, &profile, &catalog, &secrets, format).await,
            Self::Authorize(args) => signals::interruptible(args.run(env)).await,
            Self::Revoke { server, profile, catalog, secrets } => {
                let gateway = assemble::idle(env, &profile.profile, &catalog, &secrets, None).await?;
                let told = gateway.oauth_revoke(&server).await;
                assemble::close(&gateway).await;
                if let Some(error) = told? {
                    report::warning(format_args!("the tokens are good until they expire: {}", error.report()));
                }
                report::note(format_args!("forgot the authorization of `{server}`"));
                Ok(())
            }
        }
    }
}

async fn ls(
    env: &Env,
    profile: &ProfileArgs,
    catalog: &CatalogArgs,
    secrets: &SecretArgs,
    format: FormatArgs,
) -> Result<()> {
    let gateway = assemble::idle(env, &profile.profile, catalog, secrets, Some(AuditSource::Memory)).await?;
    let found = gateway.oauth_status().await;
    assemble::close(&gateway).await;
    let found = found?;
    if let Some(needed) = found.iter().find(|status| status.state == OAuthState::Needed) {
        let (server, profile) = (&needed.server, &profile.profile);
        report::hint(format_args!("run `mcp-gateway oauth authorize {server} --profile {profile}`"));
    }
    format.open().rows(&found, &["SERVER", "STATE", "ISSUER", "SCOPES", "EXPIRES"], |status| {
        vec![
            status.server.to_string(),
            super::server::word(&status.state),
            status.issuer.clone().unwrap_or_default(),
            status.scopes.join(" "),
            status.expires.clone().unwrap_or_default(),
        ]
    })
}
