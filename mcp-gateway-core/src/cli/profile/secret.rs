//! `profile secret`: secrets of one profile.

use std::collections::BTreeSet;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::args::{CatalogArgs, ProfileArgs, SecretArgs};
use crate::cli::output::FormatArgs;
use crate::cli::secret::{BY, ExpiryArgs, remove};
use crate::cli::{Env, assemble, prompt, report};
use crate::error::Result;
use crate::gateway::home::SecretUsed;
use crate::model::{ProfileName, SecretEntry, ServerName};
use crate::secrets::{self, SecretKey};
use crate::util::clock;

/// What is done with the secrets of a profile.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Store a secret for one server of a profile; the value is asked for, or read from standard input
    #[command(after_help = "Examples:
  mcp-gateway profile secret set github --key GITHUB_PERSONAL_ACCESS_TOKEN --profile dev-tools
  pass show github | mcp-gateway profile secret set github --key GITHUB_PERSONAL_ACCESS_TOKEN")]
    Set {
        /// The server that receives it
        server: ServerName,
        /// The name that the server's catalog entry gives it: the variable's or the secret's own
        #[arg(long, value_name = "NAME")]
        key: String,
        #[command(flatten)]
        expiry: ExpiryArgs,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// List the secrets that the servers of a profile need: whether each is set, where, and who was last given it
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway profile secret ls --profile dev-tools
  mcp-gateway profile secret ls --format json | jq '.[] | select(.required and (.set | not))'"
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
    /// Forget a secret of one server of a profile
    #[command(
        visible_alias = "remove",
        after_help = "Example:
  mcp-gateway profile secret rm github --key GITHUB_PERSONAL_ACCESS_TOKEN --profile dev-tools"
    )]
    Rm {
        /// The server
        server: ServerName,
        /// The secret's name
        #[arg(long, value_name = "NAME")]
        key: String,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        secrets: SecretArgs,
    },
}

/// A secret in lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretRow {
    server: Option<ServerName>,
    key: String,
    /// Whether the server declares it and cannot start without it.
    required: bool,
    /// Whether a catalog entry of the profile declares it.
    declared: bool,
    set: bool,
    /// Where it was found: the key as `secret ls` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_as: Option<String>,
    /// The store that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// When a server was last given it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use: Option<SecretUsed>,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Set { server, key, expiry, profile, catalog, secrets: stores } => {
                let name = SecretKey::new(key)?;
                warn_if_undeclared(env, &profile.profile, &catalog, &server, &name.name).await?;
                let key = name.for_profile(profile.profile).for_server(server);
                let value = prompt::secret(&format!("value of {key}"))?;
                env.home.set_secret(&stores.stores, &key, value, expiry.expires, BY).await?;
                report::note(format_args!("stored `{key}`"));
                Ok(())
            }
            Self::Ls { profile, catalog, secrets, format } => {
                let rows = rows(env, &profile.profile, &catalog, &secrets).await?;
                format.open().rows(
                    &rows,
                    &["SERVER", "KEY", "REQUIRED", "SET", "STORED AS", "LAST USE", "STORE"],
                    |row| {
                        vec![
                            row.server.as_ref().map(ToString::to_string).unwrap_or_default(),
                            row.key.clone(),
                            yes_no(row.required),
                            yes_no(row.set),
                            row.stored_as.clone().unwrap_or_default(),
                            row.last_use.as_ref().map(SecretUsed::shown).unwrap_or_default(),
                            row.store.clone().unwrap_or_default(),
                        ]
                    },
                )
            }
            Self::Rm { server, key, profile, secrets } => {
                let key = SecretKey::new(key)?.for_profile(profile.profile).for_server(server);
                remove(env, &key, &secrets).await
            }
        }
    }
}

/// The secrets that the profile's servers declare, and those that are stored for it although nothing declares them.
async fn rows(env: &Env, profile: &ProfileName, catalog: &CatalogArgs, stores: &SecretArgs) -> Result<Vec<SecretRow>> {
    let spec = env.home.profile_or_empty(profile).await?;
    let catalog = assemble::catalog(env, catalog, &spec.catalogs).await?;
    let broker = env.home.secrets(&stores.stores)?;
    let mut stored: BTreeSet<SecretKey> = broker.list().await?.into_iter().collect();
    stored.retain(|key| key.profile.as_ref() == Some(profile) && !key.is_expiry());
    let mut rows = Vec::new();
    for server in spec.servers.keys() {
        let Some(entry) = catalog.get(server).await? else { continue };
        for secret in &entry.secrets {
            let mut found = None;
            for key in SecretKey::candidates(profile, server, secret) {
                if found.is_none()
                    && let Some(kept) = broker.find(&key).await?
                {
                    stored.remove(&key);
                    found = Some(kept);
                }
            }
            let until = match &found {
                Some(kept) => secrets::expiry(broker.as_ref(), &kept.key).await?,
                None => None,
            };
            rows.push(SecretRow {
                server: Some(server.clone()),
                key: name_of(secret).to_owned(),
                required: secret.required != Some(false),
                declared: true,
                set: found.is_some(),
                stored_as: found.as_ref().map(|kept| kept.key.to_string()),
                store: found.map(|kept| kept.store),
                expires: until.map(clock::rfc3339),
                last_use: None,
            });
        }
    }
    for key in stored {
        rows.push(SecretRow {
            expires: secrets::expiry(broker.as_ref(), &key).await?.map(clock::rfc3339),
            stored_as: Some(key.to_string()),
            store: broker.find(&key).await?.map(|kept| kept.store),
            last_use: None,
            server: key.server,
            key: key.name,
            required: false,
            declared: false,
            set: true,
        });
    }
    let uses = env.home.last_uses(rows.iter().filter_map(|row| row.stored_as.clone()).collect()).await?;
    for row in &mut rows {
        // Several servers may share one, which each of them was given.
        row.last_use = row.stored_as.as_ref().and_then(|key| uses.get(key).cloned());
    }
    Ok(rows)
}

/// A server receives only what its entry declares, so a key that it does not declare is most likely a slip.
async fn warn_if_undeclared(
    env: &Env,
    profile: &ProfileName,
    catalog: &CatalogArgs,
    server: &ServerName,
    key: &str,
) -> Result<()> {
    let spec = env.home.profile_or_empty(profile).await?;
    let Ok(catalog) = assemble::catalog(env, catalog, &spec.catalogs).await else { return Ok(()) };
    let Some(entry) = catalog.get(server).await? else {
        report::warning(format_args!("server `{server}` is in no catalog"));
        return Ok(());
    };
    if !entry.secrets.iter().any(|secret| secret.name == key || secret.env == key) {
        report::warning(format_args!("server `{server}` declares no secret `{key}` and will not receive it"));
        if !entry.secrets.is_empty() {
            let names: Vec<&str> = entry.secrets.iter().map(name_of).collect();
            report::hint(format_args!("it declares {}", names.join(", ")));
        }
    }
    Ok(())
}

/// The name that people know: the variable's, as documentation of servers has it.
fn name_of(secret: &SecretEntry) -> &str {
    if secret.env.is_empty() { &secret.name } else { &secret.env }
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
