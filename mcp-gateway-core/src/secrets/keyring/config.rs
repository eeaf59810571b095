//! Which part of a keyring is meant, and how long it may take to answer.

use std::time::Duration;

/// Which part of a keyring is meant, and how long it may take to answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyringBrokerConfig {
    /// The name of the service that the secrets are kept for; sets of secrets with different names do not see each other.
    pub service: String,
    /// How long one call may take; a person may have to unlock the keyring meanwhile.
    pub deadline: Duration,
}

impl KeyringBrokerConfig {
    /// The name of the service where none is chosen.
    pub const SERVICE: &str = "mcp-gateway";

    /// Keeps secrets for a service of this name.
    #[must_use]
    pub fn with_service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Sets how long one call may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl Default for KeyringBrokerConfig {
    fn default() -> Self {
        Self { service: Self::SERVICE.to_owned(), deadline: Duration::from_secs(60) }
    }
}
