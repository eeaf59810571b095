//! Secrets in the keyring of the operating system.
#![doc = include_str!("docs.md")]

mod client;
mod config;
mod error;

use async_trait::async_trait;
use zeroize::Zeroizing;

use self::client::Client;
use super::{SecretBroker, SecretKey, refuse_empty};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

pub use config::KeyringBrokerConfig;

/// A broker that keeps secrets in the keyring of the operating system, as the user of this process.
///
/// # Behavior
/// - Nothing is asked before the first call; a keyring that is not there is an error then, not an empty one.
/// - One call at a time, each with a deadline: a keyring may ask the person to unlock it, or never answer.
/// - What other programs keep in the keyring is neither listed nor found.
///
/// # Examples
/// ```
/// use mcp_gateway_core::secrets::{KeyringBroker, KeyringBrokerConfig, SecretBroker};
///
/// let broker = KeyringBroker::new(KeyringBrokerConfig::default())?;
/// assert_eq!(broker.name(), "keyring");
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyringBroker {
    config: KeyringBrokerConfig,
    client: Client,
}

impl KeyringBroker {
    /// A broker for the keyring of this process's user; nothing is read yet.
    ///
    /// # Errors
    /// `InvalidInput` when the name of the service is empty or has control characters, `Unsupported` on a system without a
    /// keyring.
    pub fn new(config: KeyringBrokerConfig) -> Result<Self> {
        if config.service.is_empty() || config.service.chars().any(char::is_control) {
            let shown = config.service.escape_debug();
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{shown}` is not a name in a keyring"))
                .with_operation("KeyringBroker::new")
                .with_hint("write `keyring`, or `keyring:NAME` to keep several sets apart"));
        }
        client::supported().map_err(|error| error.with_operation("KeyringBroker::new"))?;
        Ok(Self { client: Client::new(config.deadline), config })
    }
}

#[async_trait]
impl SecretBroker for KeyringBroker {
    fn name(&self) -> String {
        if self.config.service == KeyringBrokerConfig::SERVICE {
            return "keyring".to_owned();
        }
        format!("keyring:{}", self.config.service)
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        let (service, user) = (self.config.service.clone(), key.to_string());
        let kept = self.client.call("KeyringBroker::get", move |store| {
            match store.build(&service, &user, None)?.get_secret() {
                Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
                Err(keyring_core::Error::NoEntry) => Ok(None),
                Err(cause) => Err(cause),
            }
        });
        let Some(mut bytes) = kept.await? else { return Ok(None) };
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(value) => Ok(Some(SecretValue::new(value)).filter(|value| !value.is_empty())),
            Err(cause) => {
                drop(Zeroizing::new(cause.into_bytes()));
                Err(Error::new(
                    ErrorKind::InvalidConfig,
                    format!("what the keyring holds for `{key}` is not valid UTF-8"),
                )
                .with_operation("KeyringBroker::get"))
            }
        }
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        refuse_empty(key, &value).map_err(|error| error.with_operation("KeyringBroker::set"))?;
        let (service, user) = (self.config.service.clone(), key.to_string());
        let kept = self.client.call("KeyringBroker::set", move |store| {
            store.build(&service, &user, None)?.set_secret(value.expose().as_bytes())
        });
        kept.await
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        let (service, user) = (self.config.service.clone(), key.to_string());
        let gone = self.client.call("KeyringBroker::delete", move |store| {
            match store.build(&service, &user, None)?.delete_credential() {
                Err(keyring_core::Error::NoEntry) => Ok(()),
                done => done,
            }
        });
        gone.await
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        let service = self.config.service.clone();
        let users = self.client.call("KeyringBroker::list", move |store| client::users(store, &service)).await?;
        // What another program keeps under this name need not be a key.
        let mut keys: Vec<_> = users.iter().filter_map(|user| SecretKey::parse(user).ok()).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
