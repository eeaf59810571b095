//! `profile`: named sets of servers with their configuration.

mod edit;
mod secret;
mod team;

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::args::{CatalogArgs, PresetArg, ProfileArgs};
use super::output::{FormatArgs, Output};
use super::{Env, assemble, report, server};
use crate::error::Result;
use crate::model::{ProfileName, ServerName};
use crate::profile::{Profile as _, ProfileSpec, ProfileTemplate, ServerSpec};
use crate::util::fs;

/// What is done with profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a profile
    #[command(after_help = "Examples:
  mcp-gateway profile create dev-tools --servers github,notion,linear,sentry
  mcp-gateway profile create dev-tools --servers github --preset default
  mcp-gateway profile create lab --servers time --catalog ./lab.yaml --description \"for experiments\"
  mcp-gateway profile create lookup --template read-only

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
        /// Begin with this template; `profile templates` lists them
        #[arg(long, value_name = "NAME", conflicts_with_all = ["preset", "catalogs"])]
        template: Option<String>,
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
    /// Write a profile to a file or to standard output: with its pins and the list of secrets it needs, without their values
    #[command(after_help = "Examples:
  mcp-gateway profile export dev-tools dev-tools.json
  mcp-gateway profile export dev-tools > dev-tools.json
  mcp-gateway profile export dev-tools dev-tools.yaml --spec")]
    Export(team::ExportArgs),
    /// Take a profile from a file
    #[command(after_help = "Examples:
  mcp-gateway profile import dev-tools.json
  mcp-gateway profile import dev-tools.json --as lab --digest sha256:4f…
  mcp-gateway profile import dev-tools.yaml --replace

What another operator approved is not believed, unless you say `--trust-approvals`.")]
    Import {
        /// The file: what `profile export` wrote, or a profile alone
        path: PathBuf,
        #[command(flatten)]
        take: team::TakeArgs,
    },
    /// Put a profile into a registry, as `profile export` writes it
    #[command(after_help = "Examples:
  mcp-gateway profile push dev-tools registry.example/team/dev-tools:1
  mcp-gateway profile push dev-tools 127.0.0.1:5000/dev-tools --format json | jq -r .reference

A registry that asks who you are is told what `docker login` stored.")]
    Push {
        /// The profile's name
        name: ProfileName,
        /// Where to: a repository with a tag
        reference: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Take a profile from a registry
    #[command(after_help = "Examples:
  mcp-gateway profile pull registry.example/team/dev-tools:1
  mcp-gateway profile pull registry.example/team/dev-tools@sha256:4f… --as lab

By its digest you get exactly the profile that was pushed; by its tag, what the registry has under it now.")]
    Pull {
        /// Where from: a repository with a tag or a digest
        reference: String,
        #[command(flatten)]
        take: team::TakeArgs,
    },
    /// Show what differs between two profiles: what is written and what is pinned
    #[command(after_help = "Examples:
  mcp-gateway profile diff dev-tools lab
  mcp-gateway profile diff dev-tools dev-tools.json
  mcp-gateway profile diff dev-tools registry.example/team/dev-tools:2 --format json")]
    Diff {
        /// A profile, a file, or a reference of a registry
        first: String,
        /// Another one
        second: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the profiles to begin with, or show one
    #[command(after_help = "Examples:
  mcp-gateway profile templates
  mcp-gateway profile templates read-only
  mcp-gateway profile create lookup --template read-only")]
    Templates {
        /// The template to show
        name: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
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
            Self::Create { name, servers, description, template: Some(template), .. } => {
                from_template(env, &name, &template, &servers, description).await
            }
            Self::Create { name, servers, description, preset, catalog, template: None } => {
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
            Self::Export(args) => team::export(env, args).await,
            Self::Import { path, take } => team::import(env, path, take).await,
            Self::Push { name, reference, format } => team::push(env, &name, &reference, format).await,
            Self::Pull { reference, take } => team::pull(env, &reference, take).await,
            Self::Diff { first, second, format } => team::diff(env, &first, &second, format).await,
            Self::Templates { name, format } => team::templates(name.as_deref(), format),
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

/// Creates a profile from a template, comments and all; what is asked for beside it is added.
async fn from_template(
    env: &Env,
    name: &ProfileName,
    template: &str,
    servers: &[ServerName],
    description: Option<String>,
) -> Result<()> {
    let template = ProfileTemplate::find(template)?;
    assemble::check_servers(env, &CatalogArgs::default(), &[], servers).await?;
    let profile = env.home.profiles().create_from(&template.text(name)).await?;
    let servers = servers.to_vec();
    let after = profile
        .update(Box::new(move |spec| {
            spec.description = description.or(spec.description.take());
            for server in servers {
                spec.servers.entry(server).or_default();
            }
            Ok(())
        }))
        .await?;
    env.home.record_change(None, Some(&after)).await?;
    report::note(format_args!("created profile `{name}` with {} servers", after.servers.len()));
    let names: Vec<ServerName> = after.servers.keys().cloned().collect();
    if let Err(error) = assemble::check_servers(env, &CatalogArgs::default(), &after.catalogs, &names).await {
        report::warning(format_args!("not all of its servers can be found here: {}", error.report()));
        report::hint("register Docker's catalog, which has them: `mcp-gateway catalog add docker docker-catalog.yaml`");
    }
    Ok(())
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
