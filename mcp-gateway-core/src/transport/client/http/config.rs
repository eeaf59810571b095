//! Where a server is reached over HTTP, and with which headers.

use crate::model::SecretValue;

/// How a server is reached over HTTP.
///
/// # Examples
/// ```
/// use mcp_gateway_core::model::SecretValue;
/// use mcp_gateway_core::transport::client::HttpConfig;
///
/// let config = HttpConfig::new("https://mcp.example.com/mcp")
///     .with_header("Authorization", SecretValue::new("Bearer ghp_123"));
/// assert!(!format!("{config:?}").contains("ghp_123"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The server's address.
    pub url: String,
    /// Headers on every request to the address's own origin.
    pub headers: Vec<(String, SecretValue)>,
    /// Whether plain HTTP and an address that is not public are allowed for the host of `url`.
    pub allow_private: bool,
    /// The largest message that is accepted from the server, in bytes.
    pub max_message_bytes: usize,
}

impl HttpConfig {
    /// A public server without headers, with the default bound on messages.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            allow_private: false,
            max_message_bytes: crate::model::Limits::default().max_message_bytes,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: SecretValue) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// Allows plain HTTP and an address that is not public, such as a container's port on loopback.
    #[must_use]
    pub fn with_allow_private(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// Sets the largest message, in bytes.
    #[must_use]
    pub fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }
}
