//! Where a server is reached over HTTP, and with which headers.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::transport::client::Authorization;
use crate::util::http::{AddressRule, host};

/// The shortest part of a header or query that is cut out of what an error shows; shorter ones are words like `Bearer`.
const MIN_SECRET_CHARS: usize = 8;

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
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The server's address.
    pub url: String,
    /// Headers on every request to the address's own origin.
    pub headers: Vec<(String, SecretValue)>,
    /// Who gives the token that goes along as `Authorization: Bearer`.
    pub authorization: Option<Arc<dyn Authorization>>,
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
            authorization: None,
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

    /// Sends the tokens of an authorization, to the address's own origin only.
    #[must_use]
    pub fn with_authorization(mut self, authorization: Arc<dyn Authorization>) -> Self {
        self.authorization = Some(authorization);
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

    /// The address as it may be shown and kept: without user, password, query and fragment.
    ///
    /// # Errors
    /// `InvalidConfig` when it is no address, `Denied` when it must not be reached.
    pub fn address_label(&self) -> Result<String> {
        let mut url = self.checked_url()?;
        let query = url.query().map_or("", |_| "?***");
        url.set_query(None);
        url.set_fragment(None);
        Ok(format!("{url}{query}"))
    }

    /// Which addresses may be reached.
    pub(super) fn rule(&self) -> AddressRule {
        if self.allow_private { AddressRule::Any } else { AddressRule::PublicHttpsOnly }
    }

    /// The address, parsed and checked as far as its text goes.
    pub(super) fn checked_url(&self) -> Result<Url> {
        let url = self.parse_url()?;
        self.rule().check_url(&url).map(|()| url)
    }

    fn parse_url(&self) -> Result<Url> {
        Url::parse(&self.url).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, format!("address of the server cannot be read: {cause}"))
                .with_hint("write it as `https://host/path`")
        })
    }

    /// What must not be shown of what a server says back.
    pub(super) fn secret_parts(&self) -> Vec<SecretValue> {
        let mut parts: Vec<String> = Vec::new();
        for (_, value) in &self.headers {
            parts.push(value.expose().to_owned());
            parts.extend(value.expose().split_whitespace().map(str::to_owned));
        }
        if let Ok(url) = self.parse_url() {
            parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        }
        parts.into_iter().filter(|part| part.len() >= MIN_SECRET_CHARS).map(SecretValue::new).collect()
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths and queries can hold secrets.
        let host = self.parse_url().ok().as_ref().map(host);
        f.debug_struct("HttpConfig")
            .field("host", &host)
            .field("headers", &self.headers)
            .field("allow_private", &self.allow_private)
            .field("max_message_bytes", &self.max_message_bytes)
            .finish()
    }
}
