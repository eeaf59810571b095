//! `secret`: secrets for every profile.

use std::convert::Infallible;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::args::SecretArgs;
use super::output::FormatArgs;
use super::{Env, prompt, report};
use crate::error::Result;
use crate::gateway::home::{SecretStatus, SecretUsed};
use crate::model::SecretValue;
use crate::secrets::{self, BrokerOptions, SecretKey};

/// What records say of changes that are made by this.
pub(crate) const BY: &str = "command line";

/// What is done with secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Store a secret, for every profile
    #[command(after_help = "Examples:
  mcp-gateway secret set GITHUB_TOKEN                 # asks for the value, without echo
  pass show github | mcp-gateway secret set GITHUB_TOKEN
  mcp-gateway secret set API_KEY --expires 90d        # not given to servers after that
  mcp-gateway secret set API_KEY --secrets keyring    # in the keyring of the operating system
  mcp-gateway secret set API_KEY=\"abc123\"             # other processes can see the value while this runs

A secret for one profile and server: `mcp-gateway profile secret set`.")]
    Set {
        /// The secret's name, or `NAME=VALUE`; without a value it is asked for, or read from standard input
        #[arg(value_name = "NAME[=VALUE]")]
        secret: Assignment,
        #[command(flatten)]
        expiry: ExpiryArgs,
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// List the names of the stored secrets: where each is, until when it is good, which server was last given it
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway secret ls
  mcp-gateway secret ls --secrets keyring
  mcp-gateway secret ls --format json | jq '.[] | select(.lastUse == null) | .key'    # given to no server yet

Values are never shown. A key is `name`, `profile//name` or `profile/server/name`."
    )]
    Ls {
        #[command(flatten)]
        secrets: SecretArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Encrypt the gateway's own store anew, to a new key or with a new passphrase
    #[command(after_help = "Examples:
  mcp-gateway secret rotate                           # a new key takes the place of the one in identity.key
  MCP_GATEWAY_SECRETS_PASSPHRASE=old mcp-gateway secret rotate   # asks for the new passphrase

Back up the new key; the old one opens nothing any more but old copies of the store. The values stay the same: where one
may be known to others, make a new one where it comes from and `secret set` it.")]
    Rotate,
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

/// Until when a secret is good.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ExpiryArgs {
    /// Give it to no server after this: how long, such as `90d`, or until when, such as `2027-01-31` [default: it never expires]
    #[arg(long, value_name = "TIME", value_parser = secrets::parse_expiry)]
    pub(crate) expires: Option<i64>,
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

/// Until when a secret is good, for people.
fn expiry(secret: &SecretStatus) -> String {
    let day = secret.expires.as_deref().map(|time| time.split('T').next().unwrap_or(time)).unwrap_or_default();
    if secret.expired { format!("{day} (expired)") } else { day.to_owned() }
}

/// When a secret was last given to a server, for people.
fn last_use(secret: &SecretStatus) -> String {
    if secret.hidden {
        return "hidden by an earlier store".to_owned();
    }
    secret.last_use.as_ref().map(SecretUsed::shown).unwrap_or_default()
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Set { secret, expiry, secrets } => set(env, secret, &expiry, &secrets).await,
            Self::Ls { secrets, format } => {
                let rows = env.home.list_secrets(&secrets.stores).await?;
                format.open().rows(&rows, &["NAME", "PROFILE", "SERVER", "EXPIRES", "LAST USE", "STORE"], |row| {
                    vec![
                        row.name.clone(),
                        row.profile.as_ref().map(ToString::to_string).unwrap_or_default(),
                        row.server.as_ref().map(ToString::to_string).unwrap_or_default(),
                        expiry(row),
                        last_use(row),
                        row.store.clone(),
                    ]
                })
            }
            Self::Rotate => rotate(env).await,
            Self::Rm { name, secrets } => remove(env, &SecretKey::parse(&name)?, &secrets).await,
        }
    }
}

async fn set(env: &Env, secret: Assignment, expiry: &ExpiryArgs, stores: &SecretArgs) -> Result<()> {
    let key = SecretKey::parse(&secret.name)?;
    let value = match secret.value {
        Some(value) => {
            report::warning("other processes and the shell's history can see a value on the command line");
            report::hint(format_args!("run `mcp-gateway secret set {key}` and type the value, or pipe it in"));
            value
        }
        None => prompt::secret(&format!("value of {key}"))?,
    };
    env.home.set_secret(&stores.stores, &key, value, expiry.expires, BY).await?;
    report::note(format_args!("stored `{key}`"));
    Ok(())
}

async fn rotate(env: &Env) -> Result<()> {
    let new = BrokerOptions::from_env().passphrase.map(|_| prompt::secret("new passphrase")).transpose()?;
    let by_passphrase = new.is_some();
    let store = env.home.rotate_secrets(new, BY).await?;
    report::note(format_args!("encrypted `{store}` anew"));
    report::hint(if by_passphrase {
        "set `MCP_GATEWAY_SECRETS_PASSPHRASE` to the new passphrase"
    } else {
        "back up the new key file"
    });
    Ok(())
}

/// Forgets a secret that is there.
pub(crate) async fn remove(env: &Env, key: &SecretKey, stores: &SecretArgs) -> Result<()> {
    env.home.remove_secret(&stores.stores, key, BY).await?;
    report::note(format_args!("forgot `{key}`"));
    Ok(())
}
