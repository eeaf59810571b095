//! `profile`: named sets of servers with their configuration.

mod edit;
mod secret;

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::args::{CatalogArgs, PresetArg, ProfileArgs};
use super::output::{FormatArgs, Output};
use super::{Env, assemble, report, server};
use crate::error::Result;
use crate::model::{ProfileName, ServerName};
use crate::profile::{Profile as _, ProfileSpec, ProfileStore, ServerSpec};
use crate::util::fs;

/// What is done with profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a profile
    #[command(after_help = "Examples:
  mcp-gateway profile create dev-tools --servers github,notion,linear,sentry
  mcp-gateway profile create dev-tools --servers github --preset default
  mcp-gateway profile create lab --servers time --catalog ./lab.yaml --description \"for experiments\"

With `--catalog`, the profile takes its servers from there and not from the registered catalogs.")]
    Create {
        /// The profile's name
        name: ProfileName,
        /// Its servers
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        servers: Vec<ServerName>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Rules that come with the gateway: `default` lets reading through, has writing confirmed and keeps what cannot be undone for an operator
        #[arg(long, value_name = "NAME")]
        preset: Option<PresetArg>,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// List the profiles
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway profile ls
  mcp-gateway profile ls --format json"
    )]
    Ls {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show a profile
    #[command(after_help = "Examples:
  mcp-gateway profile show dev-tools
  mcp-gateway profile show dev-tools --format json")]
    Show {
        /// The profile's name
        name: ProfileName,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Edit a profile in $VISUAL or $EDITOR
    #[command(after_help = "Examples:
  mcp-gateway profile edit dev-tools
  EDITOR=\"code --wait\" mcp-gateway profile edit dev-tools

What you wrote is checked before it replaces the profile; a broken draft is kept aside.")]
    Edit {
        /// The profile's name
        name: ProfileName,
    },
    /// Delete a profile; its secrets and its audit trail stay
    #[command(
        visible_alias = "rm",
        after_help = "Example:
  mcp-gateway profile delete dev-tools"
    )]
    Delete {
        /// The profile's name
        name: ProfileName,
    },
    /// Write a profile to a file or to standard output, without secrets
    #[command(after_help = "Examples:
  mcp-gateway profile export dev-tools > dev-tools.yaml
  mcp-gateway profile export dev-tools dev-tools.yaml")]
    Export {
        /// The profile's name
        name: ProfileName,
        /// The file; standard output without one
        path: Option<PathBuf>,
    },
    /// Take a profile from a file
    #[command(after_help = "Examples:
  mcp-gateway profile import dev-tools.yaml
  mcp-gateway profile import dev-tools.yaml --replace")]
    Import {
        /// The file
        path: PathBuf,
        /// Replace a profile of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Add servers to a profile
    #[command(after_help = "Examples:
  mcp-gateway profile add-server dev-tools --server stripe
  mcp-gateway profile add-server dev-tools --server time,git")]
    AddServer {
        /// The profile's name
        profile: ProfileName,
        /// The servers
        #[arg(long = "server", required = true, value_name = "NAME", value_delimiter = ',')]
        servers: Vec<ServerName>,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// Remove servers from a profile
    #[command(after_help = "Example:
  mcp-gateway profile remove-server dev-tools --server stripe")]
    RemoveServer {
        /// The profile's name
        profile: ProfileName,
        /// The servers
        #[arg(long = "server", required = true, value_name = "NAME", value_delimiter = ',')]
        servers: Vec<ServerName>,
    },
    /// The secrets of a profile's servers
    #[command(subcommand)]
    Secret(secret::Verb),
}

/// A profile in lists.
#[derive(Debug, Serialize)]
struct ProfileRow {
    name: ProfileName,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    servers: Vec<ServerName>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let store = env.home.profiles();
        match self {
            Self::Create { name, servers, description, preset, catalog } => {
                let mut spec = ProfileSpec::new(name);
                spec.description = description;
                spec.policy.preset = preset.map(Into::into);
                create(env, spec, &servers, catalog).await
            }
            Self::Ls { format } => list(env, &mut format.open()).await,
            Self::Show { name, format } => {
                let mut out = format.open();
                let profile = store.open(&name).await?;
                if out.is_json() {
                    return out.json(&profile.spec().await?);
                }
                // The file itself, with its comments.
                out.write(&fs::read_to_string(profile.path())?)
            }
            Self::Edit { name } => edit::run(env, &name).await,
            Self::Delete { name } => {
                // It need not be readable to be deleted; then nobody knows what it was.
                let before = match store.open(&name).await {
                    Ok(profile) => profile.spec().await.ok(),
                    Err(_) => None,
                };
                store.delete(&name).await?;
                env.home.record_change(before.as_ref(), None).await?;
                report::note(format_args!("deleted profile `{name}`"));
                Ok(())
            }
            Self::Export { name, path } => match path {
                None => Output::text().write(&store.export(&name).await?),
                Some(path) => store.export_to(&name, path).await,
            },
            Self::Import { path, replace } => {
                let earlier = readable(&store).await;
                let profile = store.import_from(path, replace).await?;
                let before = earlier.iter().find(|spec| spec.name == *profile.name());
                env.home.record_change(before, Some(&profile.spec().await?)).await?;
                report::note(format_args!("imported profile `{}`", profile.name()));
                Ok(())
            }
            Self::AddServer { profile, servers, catalog } => {
                // A name that was typed must be one that is there.
                store.open(&profile).await?;
                server::add(env, &ProfileArgs { profile }, &servers, &catalog).await
            }
            Self::RemoveServer { profile, servers } => server::remove(env, &ProfileArgs { profile }, &servers).await,
            Self::Secret(verb) => verb.run(env).await,
        }
    }
}

async fn create(env: &Env, mut spec: ProfileSpec, servers: &[ServerName], catalog: CatalogArgs) -> Result<()> {
    let name = spec.name.clone();
    spec.catalogs = assemble::lasting(env, catalog.catalogs)?;
    assemble::check_servers(env, &CatalogArgs::default(), &spec.catalogs, servers).await?;
    for server in servers {
        spec = spec.with_server(server.clone(), ServerSpec::default());
    }
    let after = env.home.profiles().create(spec).await?.spec().await?;
    env.home.record_change(None, Some(&after)).await?;
    report::note(format_args!("created profile `{name}` with {} servers", servers.len()));
    Ok(())
}

/// Every profile that can be read.
async fn readable(store: &ProfileStore) -> Vec<ProfileSpec> {
    let mut specs = Vec::new();
    for name in store.list().await.unwrap_or_default() {
        if let Ok(profile) = store.open(&name).await {
            specs.extend(profile.spec().await.ok());
        }
    }
    specs
}

async fn list(env: &Env, out: &mut Output) -> Result<()> {
    let store = env.home.profiles();
    let mut rows = Vec::new();
    for name in store.list().await? {
        // One broken file must not hide the others.
        let spec = match store.open(&name).await {
            Ok(profile) => profile.spec().await,
            Err(error) => Err(error),
        };
        rows.push(match spec {
            Ok(spec) => ProfileRow {
                name,
                description: spec.description,
                servers: spec.servers.into_keys().collect(),
                error: None,
            },
            Err(error) => ProfileRow { name, description: None, servers: Vec::new(), error: Some(error.report()) },
        });
    }
    if rows.is_empty() {
        report::note("there are no profiles");
        report::hint("create one with `mcp-gateway profile create NAME --servers a,b`");
    }
    for row in &rows {
        if let Some(error) = &row.error {
            report::warning(format_args!("profile `{}` cannot be read: {error}", row.name));
        }
    }
    out.rows(&rows, &["NAME", "SERVERS", "DESCRIPTION"], |row| {
        let servers: Vec<&str> = row.servers.iter().map(ServerName::as_str).collect();
        let servers = if row.error.is_some() { "(broken)".to_owned() } else { servers.join(", ") };
        vec![row.name.to_string(), servers, row.description.clone().unwrap_or_default()]
    })
}
