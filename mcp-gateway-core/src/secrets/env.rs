//! Secrets in the environment of the gateway's process.

use async_trait::async_trait;

use super::{SecretBroker, SecretKey, read_only};
use crate::error::Result;
use crate::model::SecretValue;
use crate::util::env_vars;

/// A broker that reads environment variables, each under exactly its own name.
///
/// # Behavior
/// - Read-only. A key of a profile or a server is never there: the environment has no scopes.
/// - Without an allow-list every variable can be asked for by name; with one, only what it names.
/// - `list` gives the allowed names that are set, and never the rest of the environment.
///
/// # Examples
/// ```
/// use mcp_gateway_core::secrets::EnvBroker;
///
/// let broker = EnvBroker::new().with_allowed("GITHUB_TOKEN").with_prefix("MCP_");
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnvBroker {
    allowed: Vec<String>,
    prefixes: Vec<String>,
}

impl EnvBroker {
    /// A broker that gives any variable that is asked for by name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows one variable; everything that no allowance names is then refused.
    #[must_use]
    pub fn with_allowed(mut self, name: impl Into<String>) -> Self {
        self.allowed.push(name.into());
        self
    }

    /// Allows the variables whose names start so; everything that no allowance names is then refused.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    fn allows(&self, name: &str) -> bool {
        let open = self.allowed.is_empty() && self.prefixes.is_empty();
        open || self.allowed.iter().any(|allowed| allowed == name)
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }
}

const READ_ONLY: &str = "set the variable before the gateway starts, or keep the secret in another store";

#[async_trait]
impl SecretBroker for EnvBroker {
    fn name(&self) -> String {
        "env".to_owned()
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        let is_global = key.profile.is_none() && key.server.is_none();
        Ok(if is_global && self.allows(&key.name) { env_vars::get(&key.name).map(SecretValue::new) } else { None })
    }

    fn is_writable(&self) -> bool {
        false
    }

    async fn set(&self, _key: &SecretKey, _value: SecretValue) -> Result<()> {
        Err(read_only("env", READ_ONLY).with_operation("EnvBroker::set"))
    }

    async fn delete(&self, _key: &SecretKey) -> Result<()> {
        Err(read_only("env", READ_ONLY).with_operation("EnvBroker::delete"))
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        let mut keys: Vec<_> = self
            .allowed
            .iter()
            .filter(|name| env_vars::get(name).is_some())
            .filter_map(|name| SecretKey::new(name.as_str()).ok())
            .collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_only_what_is_allowed_and_lists_only_what_is_named() {
        let path = SecretKey::new("PATH").unwrap();
        assert!(EnvBroker::new().get(&path).await.unwrap().is_some());
        assert_eq!(EnvBroker::new().list().await.unwrap(), []);

        let narrow = EnvBroker::new().with_allowed("NO_SUCH_VARIABLE").with_prefix("NO_SUCH_");
        assert!(narrow.get(&path).await.unwrap().is_none());
        assert_eq!(narrow.list().await.unwrap(), []);

        let named = EnvBroker::new().with_allowed("PATH").with_prefix("NO_SUCH_");
        assert_eq!(named.list().await.unwrap(), std::slice::from_ref(&path));
        assert!(EnvBroker::new().with_prefix("PA").get(&path).await.unwrap().is_some());

        let scoped = path.for_profile("dev".parse().unwrap());
        assert!(named.get(&scoped).await.unwrap().is_none());
    }
}
