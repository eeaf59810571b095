//! `scope`: which of the servers that catalogs describe exist.

use clap::Subcommand;
use serde::Serialize;

use super::args::{CatalogArgs, ProfileArgs};
use super::exit::Exit;
use super::output::FormatArgs;
use super::{Env, assemble, report};
use crate::catalog::ScopeSpec;
use crate::error::Result;
use crate::model::ServerName;

/// What is done with scopes.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show what the home and a profile say about which servers exist
    #[command(after_help = "Examples:
  mcp-gateway scope show
  mcp-gateway scope show --profile dev-tools --format json

The home's word is in the file `scope.yaml` of its folder and counts for every profile; a profile's, under `scope`, can
only narrow it.")]
    Show {
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show whether a server exists for a profile, and which rule says so
    #[command(after_help = "Examples:
  mcp-gateway scope check github
  mcp-gateway scope check github --profile dev-tools --format json

Exit code 1 when it is shut out.")]
    Check {
        /// The server's name in its catalog
        server: ServerName,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// The words about which servers exist.
#[derive(Debug, Serialize)]
struct Shown {
    home: ScopeSpec,
    profile: ScopeSpec,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<Exit> {
        match self {
            Self::Show { profile, format } => {
                let spec = env.home.profile_or_empty(&profile.profile).await?;
                let shown = Shown { home: env.home.scope_spec()?, profile: spec.scope };
                if shown.home.is_empty() && shown.profile.is_empty() {
                    report::note("no scope is set: every server exists that a catalog describes");
                    report::hint(format_args!("write one into {}", env.home.scope_file().display()));
                }
                format.open().document(&shown)?;
                Ok(Exit::OK)
            }
            Self::Check { server, profile, catalog, format } => {
                let sources = assemble::sources(&catalog);
                let found = env.home.check_scope(&server, &profile.profile, &sources).await?;
                let mut out = format.open();
                if out.is_json() {
                    out.json(&found)?;
                } else {
                    out.rows(&found.scopes, &["SCOPE", "SAYS", "RULE", "REASON"], |word| {
                        let says = if word.admitted { "in" } else { "out" };
                        let rule = word.rule.clone().unwrap_or_default();
                        vec![word.scope.clone(), says.to_owned(), rule, word.reason.clone()]
                    })?;
                    let verdict = if found.admitted { "exists" } else { "is shut out" };
                    report::note(format_args!("server `{server}` {verdict}"));
                }
                Ok(Exit::all_well(found.admitted))
            }
        }
    }
}
