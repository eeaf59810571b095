//! Where is asked, and for how long.

use std::time::Duration;

/// Where is asked, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// The address.
    pub url: String,
    /// How long an answer may take. Default 2 min.
    pub timeout: Duration,
    /// Whether the address may be private, or without TLS. Default no.
    pub allow_private: bool,
}

impl WebhookConfig {
    /// Asks at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), timeout: Duration::from_secs(2 * 60), allow_private: false }
    }

    /// Sets how long an answer may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the address be private, or without TLS.
    #[must_use]
    pub fn with_allow_private(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }
}
