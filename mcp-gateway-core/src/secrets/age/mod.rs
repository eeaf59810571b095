//! Secrets in one encrypted file.
#![doc = include_str!("docs.md")]

mod config;
mod error;
mod seal;

use async_trait::async_trait;

use self::seal::AgeSeal;
use super::file::SecretFile;
use super::{SecretBroker, SecretKey};
use crate::error::Result;
use crate::model::SecretValue;

pub use config::AgeBrokerConfig;

/// A broker that keeps secrets in one file in age format.
///
/// # Behavior
/// - A file that is not there holds no secrets; the first `set` creates it, and the key file where one is used.
/// - The file is decrypted once per content and the secrets are kept in memory that is wiped afterwards.
/// - A change by another process is seen by the next `get`.
/// - A file that cannot be decrypted is never overwritten.
#[derive(Debug)]
pub struct AgeBroker {
    file: SecretFile<AgeSeal>,
}

impl AgeBroker {
    /// A broker for an encrypted file; nothing is read or written yet.
    ///
    /// # Errors
    /// `InvalidInput` when the passphrase is empty or the work factor is not within 1 to 20.
    pub fn new(config: AgeBrokerConfig) -> Result<Self> {
        let path = config.path.clone();
        let seal = AgeSeal::new(config).map_err(|error| error.with_operation("AgeBroker::new"))?;
        Ok(Self { file: SecretFile::new(path, seal) })
    }

    /// Encrypts the file anew: to a new key, which takes the place of the old one in the key file, or with a new
    /// passphrase where it has one.
    ///
    /// # Behavior
    /// - Whenever this is cut off, what is on disk opens the file.
    /// - Files that the same key file opens have to be encrypted anew before: the old key is gone afterwards.
    /// - After a change of the passphrase, another broker is needed that knows the new one.
    ///
    /// # Errors
    /// `NotFound` when there is no file yet, `InvalidInput` for a passphrase that is empty, missing or of no use, and as
    /// [`get`](SecretBroker::get) and [`set`](SecretBroker::set).
    pub async fn rotate(&self, passphrase: Option<SecretValue>) -> Result<()> {
        let rotate =
            move |seal: &AgeSeal, path: &std::path::Path, text: &str| seal.rotate(path, text, passphrase.as_ref());
        self.file.reseal("AgeBroker::rotate", rotate).await
    }
}

#[async_trait]
impl SecretBroker for AgeBroker {
    fn name(&self) -> String {
        format!("age:{}", self.file.path().display())
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        self.file.get("AgeBroker::get", key).await
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        self.file.set("AgeBroker::set", key, value).await
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        self.file.delete("AgeBroker::delete", key).await
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        self.file.list("AgeBroker::list").await
    }
}

#[cfg(test)]
mod tests;
