//! Secrets: who holds them, and which of them a server receives.
#![doc = include_str!("docs.md")]

#[cfg(feature = "secrets-age")]
mod age;
mod chain;
#[cfg(feature = "secrets-command")]
mod command;
mod document;
mod dotenv;
mod env;
mod expiry;
mod file;
mod host;
mod key;
#[cfg(feature = "secrets-keyring")]
mod keyring;
mod memory;
mod open;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretEntry, SecretValue, ServerName};

#[cfg(feature = "secrets-age")]
pub use age::{AgeBroker, AgeBrokerConfig};
pub use chain::ChainBroker;
#[cfg(feature = "secrets-command")]
pub use command::{CommandBroker, CommandBrokerConfig};
pub use dotenv::DotenvBroker;
pub use env::EnvBroker;
#[cfg(feature = "gateway-home")]
pub(crate) use expiry::expiry_key;
pub(crate) use expiry::refuse_expired;
pub use expiry::{expiry, forget, keep, parse_expiry};
pub use host::HostBroker;
pub use key::SecretKey;
#[cfg(feature = "secrets-keyring")]
pub use keyring::{KeyringBroker, KeyringBrokerConfig};
pub use memory::MemoryBroker;
pub use open::{BrokerOptions, open, open_all};

/// Holds secrets.
///
/// # Behavior
/// - `get` of a key that is not there gives `None`, never an empty value.
/// - `set` then `get` of the same key gives the value; `delete` then `get` gives `None`.
/// - `set` of an empty value is refused: no server should ever receive one.
/// - `list` gives keys, never values.
/// - A broker that cannot be written to answers `set` and `delete` with `Unsupported`, and `is_writable` with `false`.
#[async_trait]
pub trait SecretBroker: fmt::Debug + Send + Sync + 'static {
    /// The broker's name in messages, such as `env` or `age:/path`.
    fn name(&self) -> String;

    /// The value of exactly this key.
    ///
    /// # Errors
    /// `Io` when the store cannot be read, `InvalidConfig` when its content is broken, `Unauthorized` when the
    /// passphrase or key is the wrong one, `Timeout` when it does not answer.
    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>>;

    /// As `get`, and which store holds the value: one of several names the one that had it.
    ///
    /// # Errors
    /// As `get`.
    async fn find(&self, key: &SecretKey) -> Result<Option<FoundSecret>> {
        let value = self.get(key).await?;
        Ok(value.map(|value| FoundSecret { key: key.clone(), value, store: self.name() }))
    }

    /// Whether values can be kept in it, as far as that is known beforehand; nobody is asked for one that could not be.
    fn is_writable(&self) -> bool {
        true
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// `InvalidInput` when the value is empty, `Unsupported` when the store is read-only, `Io` when it cannot be
    /// written, otherwise as `get`.
    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()>;

    /// Forgets a value; a key that is not there is no error.
    ///
    /// # Errors
    /// `Unsupported` when the store is read-only, `Io` when it cannot be written, otherwise as `get`.
    async fn delete(&self, key: &SecretKey) -> Result<()>;

    /// The keys that the store can name, sorted.
    ///
    /// # Errors
    /// As `get`.
    async fn list(&self) -> Result<Vec<SecretKey>>;
}

/// A secret that a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundSecret {
    /// The key that it is kept under.
    pub key: SecretKey,
    /// Its value.
    pub value: SecretValue,
    /// The name of the store that holds it.
    pub store: String,
}

/// The value of a secret that a server declares.
///
/// # Errors
/// `MissingSecret`, with the command that sets it, when no key of the secret holds a value and it is required, or the
/// value has expired; whatever the broker says.
pub async fn resolve(
    broker: &dyn SecretBroker,
    profile: &ProfileName,
    server: &ServerName,
    entry: &SecretEntry,
) -> Result<Option<SecretValue>> {
    Ok(locate(broker, profile, server, entry).await?.map(|found| found.value))
}

/// The secret that a server declares, with the key and the store that hold it.
///
/// # Errors
/// As [`resolve`].
pub async fn locate(
    broker: &dyn SecretBroker,
    profile: &ProfileName,
    server: &ServerName,
    entry: &SecretEntry,
) -> Result<Option<FoundSecret>> {
    for key in SecretKey::candidates(profile, server, entry) {
        if let Some(found) = broker.find(&key).await?
            && !found.value.is_empty()
        {
            refuse_expired(broker, &key).await?;
            return Ok(Some(found));
        }
    }
    if entry.required == Some(false) {
        return Ok(None);
    }
    Err(Error::new(ErrorKind::MissingSecret, format!("secret `{}` of server `{server}` is not set", entry.name))
        .with_context("profile", profile)
        .with_hint(format!(
            "set it with `mcp-gateway profile secret set {server} --key {} --profile {profile}`",
            if entry.env.is_empty() { &entry.name } else { &entry.env }
        )))
}

/// Refuses an empty value, for every broker's `set`.
fn refuse_empty(key: &SecretKey, value: &SecretValue) -> Result<()> {
    if value.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("the value of `{key}` is empty"))
            .with_hint("delete the secret if it is no longer wanted"));
    }
    Ok(())
}

/// The answer of a broker that cannot be written to.
fn read_only(broker: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{broker}` can only be read")).with_hint(hint)
}

/// Wraps the work of a broker that blocks: files, scrypt.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::time::timeout(BLOCKING_LIMIT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done.map_err(|error| error.with_operation(operation)),
        Ok(Err(cause)) => Err(Error::new(ErrorKind::Internal, "work on secrets broke off")
            .with_operation(operation)
            .with_source(cause)),
        Err(_) => Err(Error::new(ErrorKind::Timeout, "the secret store does not answer").with_operation(operation)),
    }
}

/// How long a file may take: the wait for its lock, and the slowest passphrase check.
const BLOCKING_LIMIT: Duration = Duration::from_secs(60);
