//! Secrets that the host's own code holds.

use async_trait::async_trait;
use serde::Serialize;

use super::{SecretBroker, SecretKey, read_only, refuse_empty};
use crate::error::Result;
use crate::model::{HostCaller, SecretValue};

/// A broker that asks an object of the host's language: `get(key)`, and where it has them `set(key, value)`,
/// `delete(key)` and `list()`.
///
/// # Behavior
/// - A key is `{"name", "profile", "server"}`; the two last may be missing. `list` answers in the keys' text form.
/// - An object without `set` can only be read; one without `list` names no keys.
#[derive(Debug)]
pub struct HostBroker(HostCaller);

/// A key as the host sees it.
#[derive(Debug, Serialize)]
struct Key<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
}

impl<'a> From<&'a SecretKey> for Key<'a> {
    fn from(key: &'a SecretKey) -> Self {
        let profile = key.profile.as_ref().map(|profile| profile.as_str());
        Self { name: &key.name, profile, server: key.server.as_ref().map(|server| server.as_str()) }
    }
}

impl HostBroker {
    /// Asks this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has no method `get`.
    pub fn new(caller: HostCaller) -> Result<Self> {
        caller.demand("a secret broker", &["get"])?;
        Ok(Self(caller))
    }

    fn writes(&self, method: &'static str) -> Result<()> {
        if self.0.has(method) {
            return Ok(());
        }
        Err(read_only(self.0.name(), "give the host's object the methods `set` and `delete`")
            .with_operation("HostBroker::writes"))
    }
}

#[async_trait]
impl SecretBroker for HostBroker {
    fn name(&self) -> String {
        self.0.name().to_owned()
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        let value: Option<String> = self.0.call("get", &[Key::from(key)]).await?;
        Ok(value.filter(|value| !value.is_empty()).map(SecretValue::new))
    }

    fn is_writable(&self) -> bool {
        self.0.has("set")
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        refuse_empty(key, &value).map_err(|error| error.with_operation("HostBroker::set"))?;
        self.writes("set")?;
        self.0.call::<serde::de::IgnoredAny>("set", &(Key::from(key), value.expose())).await.map(|_| ())
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        self.writes("delete")?;
        self.0.call::<serde::de::IgnoredAny>("delete", &[Key::from(key)]).await.map(|_| ())
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        if !self.0.has("list") {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = self.0.call("list", &[(); 0]).await?;
        let mut keys = keys.iter().map(|key| SecretKey::parse(key)).collect::<Result<Vec<_>>>()?;
        keys.sort();
        Ok(keys)
    }
}
