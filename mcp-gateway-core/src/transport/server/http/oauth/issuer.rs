//! Fetching the keys of an issuer: first its metadata, which says where they are.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::address;
use super::key_set::KeySet;
use crate::error::{Error, ErrorKind, Result};
use crate::util::http::{AddressRule, HttpClient, HttpMethod, HttpRequest};

/// The largest document of an issuer that is read.
const MAX_DOCUMENT: usize = 512 * 1024;

/// An issuer whose keys are fetched.
#[derive(Debug)]
pub(super) struct Issuer {
    name: String,
    url: Url,
    /// Whether its keys may be at any private address, not only at its own host.
    allow_private: bool,
    client: HttpClient,
    timeout: Duration,
}

/// What of the metadata is looked at (RFC 8414, OpenID Connect Discovery).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// An issuer by its identifier.
    ///
    /// # Errors
    /// `InvalidConfig` when it is no address that is safe, `Denied` when it is a private one and those are not allowed.
    pub(super) fn new(name: &str, allow_private: bool, timeout: Duration) -> Result<Self> {
        let url = address::read("issuer", name)?;
        // The operator who names this machine means it.
        let is_free = allow_private || address::is_loopback(&url);
        let rule = if is_free { AddressRule::Any } else { AddressRule::PublicHttpsOnly };
        rule.check_url(&url).map_err(|cause| {
            Error::new(ErrorKind::Denied, "issuer is not at an address of the public internet")
                .with_context("issuer", name)
                .with_hint("if it is meant to be there, allow private addresses (`--oauth-allow-private`)")
                .with_source(cause)
        })?;
        Ok(Self { name: name.to_owned(), url, allow_private, client: HttpClient::new(rule)?, timeout })
    }

    /// Fetches its keys.
    ///
    /// # Errors
    /// `Timeout`, `Network`, `Denied`, `TooLarge`, or `Protocol` when it says what makes no sense.
    pub(super) async fn fetch(&self) -> Result<KeySet> {
        let fetched = tokio::time::timeout(self.timeout, async {
            let at = self.metadata().await?;
            let text = self.get(&at).await?.ok_or_else(|| self.wrong("has no keys where its metadata says"))?;
            KeySet::parse(&text)
        });
        fetched.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "issuer did not answer in time")))
    }

    /// Where its keys are.
    async fn metadata(&self) -> Result<Url> {
        let mut appended = self.url.clone();
        appended.set_path(&format!("{}/.well-known/openid-configuration", self.url.path().trim_end_matches('/')));
        let inserted = ["oauth-authorization-server", "openid-configuration"];
        let places = inserted.map(|document| address::well_known(&self.url, document));
        for at in places.into_iter().chain([appended]) {
            let Some(text) = self.get(&at).await? else { continue };
            let metadata: Metadata = serde_json::from_slice(&text)
                .map_err(|cause| self.wrong("has metadata that cannot be read").with_source(cause))?;
            // Otherwise one issuer could speak for another.
            if metadata.issuer != self.name {
                return Err(self.wrong("has metadata of another issuer").with_context("other", metadata.issuer));
            }
            let keys = Url::parse(&metadata.jwks_uri).ok().filter(address::is_safe);
            return keys.ok_or_else(|| self.wrong("has its keys where no address that is safe leads"));
        }
        Err(self.wrong("has no metadata"))
    }

    /// A document, unless there is none.
    async fn get(&self, at: &Url) -> Result<Option<Vec<u8>>> {
        let mut request = HttpRequest::new(HttpMethod::Get, at);
        request.open.set("accept", "application/json")?;
        if !self.allow_private {
            // What the metadata names elsewhere has to be on the public internet.
            request.home = &self.url;
        }
        let mut response = self.client.send(request).await?;
        match response.status() {
            200 => response.body(MAX_DOCUMENT).await.map(Some),
            400..=499 => Ok(None),
            status => Err(self.wrong("answers with an error").with_context("status", status)),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("issuer {what}")).with_context("issuer", &self.name)
    }
}
