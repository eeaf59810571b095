//! `secret`: secrets for every profile.

use std::convert::Infallible;
use std::str::FromStr;

use clap::Subcommand;
use serde::Serialize;

use super::args::SecretArgs;
use super::output::FormatArgs;
use super::{Env, prompt, report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::secrets::{SecretBroker, SecretKey};

/// What is done with secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Store a secret, for every profile
    #[command(after_help = "Examples:
  mcp-gateway secret set GITHUB_TOKEN                 # asks for the value, without echo
  pass show github | mcp-gateway secret set GITHUB_TOKEN
  mcp-gateway secret set API_KEY=\"abc123\"             # other processes can see the value while this runs

A secret for one profile and server: `mcp-gateway profile secret set`.")]
    Set {
        /// The secret's name, or `NAME=VALUE`; without a value it is asked for, or read from standard input
        #[arg(value_name = "NAME[=VALUE]")]
        secret: Assignment,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// List the names of the stored secrets
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway secret ls
  mcp-gateway secret ls --format json

A key is `name`, `profile//name` or `profile/server/name`."
    )]
    Ls {
        #[command(flatten)]
        secrets: SecretArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Forget a secret
    #[command(
        visible_alias = "remove",
        after_help = "Examples:
  mcp-gateway secret rm API_KEY
  mcp-gateway secret rm dev-tools/github/GITHUB_TOKEN   # a key as `secret ls` shows it"
    )]
    Rm {
        /// The secret's name, or its key as `secret ls` shows it
        name: String,
        #[command(flatten)]
        secrets: SecretArgs,
    },
}

/// A secret's name, and its value where that was typed with it.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    name: String,
    value: Option<SecretValue>,
}

impl FromStr for Assignment {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(SecretValue::new(value)) },
            None => Self { name: text.to_owned(), value: None },
        })
    }
}

/// One key in lists.
#[derive(Debug, Serialize)]
pub(crate) struct KeyRow {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    name: String,
}

impl From<SecretKey> for KeyRow {
    fn from(key: SecretKey) -> Self {
        Self {
            key: key.to_string(),
            profile: key.profile.map(String::from),
            server: key.server.map(String::from),
            name: key.name,
        }
    }
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Set { secret, secrets } => set(env, secret, &secrets).await,
            Self::Ls { secrets, format } => {
                let keys = env.home.secrets(&secrets.stores)?.list().await?;
                let rows: Vec<KeyRow> = keys.into_iter().map(KeyRow::from).collect();
                format.open().rows(&rows, &["NAME", "PROFILE", "SERVER"], |row| {
                    vec![
                        row.name.clone(),
                        row.profile.clone().unwrap_or_default(),
                        row.server.clone().unwrap_or_default(),
                    ]
                })
            }
            Self::Rm { name, secrets } => {
                let key = SecretKey::parse(&name)?;
                remove(env.home.secrets(&secrets.stores)?.as_ref(), &key).await
            }
        }
    }
}

async fn set(env: &Env, secret: Assignment, secrets: &SecretArgs) -> Result<()> {
    let broker = env.home.secrets(&secrets.stores)?;
    let key = SecretKey::parse(&secret.name)?;
    let value = match secret.value {
        Some(value) => {
            report::warning("other processes and the shell's history can see a value on the command line");
            report::hint(format_args!("run `mcp-gateway secret set {key}` and type the value, or pipe it in"));
            value
        }
        None => prompt::secret(&format!("value of {key}"))?,
    };
    broker.set(&key, value).await?;
    report::note(format_args!("stored `{key}`"));
    Ok(())
}

/// Forgets a secret that is there.
pub(crate) async fn remove(broker: &dyn SecretBroker, key: &SecretKey) -> Result<()> {
    if !broker.list().await?.contains(key) {
        return Err(Error::new(ErrorKind::NotFound, format!("no secret `{key}` is stored"))
            .with_context("store", broker.name())
            .with_hint("run `mcp-gateway secret ls` to see what is stored"));
    }
    broker.delete(key).await?;
    report::note(format_args!("forgot `{key}`"));
    Ok(())
}
