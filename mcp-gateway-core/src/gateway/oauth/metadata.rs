//! What protected resources and authorization servers publish about themselves.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::fetch::Fetch;
use super::shown;
use crate::error::{Error, ErrorKind, Result};
use crate::util::http::same_origin;

/// A server's own metadata, RFC 9728.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ResourceMetadata {
    pub(super) resource: String,
    #[serde(default)]
    pub(super) authorization_servers: Vec<String>,
    #[serde(default)]
    pub(super) scopes_supported: Vec<String>,
}

impl ResourceMetadata {
    /// The metadata, if the document is some, and about this server.
    ///
    /// # Errors
    /// `Denied` when it is about another one: a token for that would be sent to this.
    pub(super) fn read(document: Value, server: &Url) -> Result<Option<Self>> {
        let Ok(metadata) = serde_json::from_value::<Self>(document) else { return Ok(None) };
        let is_of_server = Url::parse(&metadata.resource).is_ok_and(|resource| covers(&resource, server));
        if !is_of_server {
            return Err(Error::new(ErrorKind::Denied, "server publishes metadata that is about another server")
                .with_context("resource", shown(&metadata.resource)));
        }
        Ok(Some(metadata))
    }
}

/// Whether a resource is the server, or a folder that it is in.
fn covers(resource: &Url, server: &Url) -> bool {
    let folder = resource.path().trim_end_matches('/');
    let rest = server.path().strip_prefix(folder);
    same_origin(resource, server) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An authorization server, RFC 8414; every address in it may be reached.
#[derive(Clone, Debug)]
pub(super) struct AuthorizationServer {
    /// Its name, as it writes it.
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Option<Url>,
    pub(super) token_endpoint: Url,
    pub(super) registration_endpoint: Option<Url>,
    pub(super) revocation_endpoint: Option<Url>,
    pub(super) scopes: Vec<String>,
    /// How clients may identify themselves; `None` where it does not say.
    pub(super) client_methods: Option<Vec<String>>,
    /// Whether it checks the proof of RFC 7636 by S256.
    pub(super) has_s256: bool,
    /// Whether its answers name it, RFC 9207.
    pub(super) names_itself: bool,
    /// Whether the address of a client's metadata document is an id there.
    pub(super) takes_documents: bool,
}

/// The document, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    client_id_metadata_document_supported: bool,
}

impl AuthorizationServer {
    /// The authorization server, if the document describes one.
    ///
    /// # Errors
    /// `Denied` when the document is of another one, or names an address that must not be reached.
    pub(super) fn read(document: Value, issuer: &str, fetch: &Fetch) -> Result<Option<Self>> {
        let Ok(document) = serde_json::from_value::<Document>(document) else { return Ok(None) };
        if !same_issuer(&document.issuer, issuer) {
            return Err(Error::new(ErrorKind::Denied, "metadata of the authorization server is of another one")
                .with_context("issuer", shown(issuer))
                .with_context("found", shown(&document.issuer)));
        }
        let Some(token_endpoint) = &document.token_endpoint else { return Ok(None) };
        let address = |text: &Option<String>| text.as_deref().map(|text| fetch.address(text)).transpose();
        Ok(Some(Self {
            authorization_endpoint: address(&document.authorization_endpoint)?,
            token_endpoint: fetch.address(token_endpoint)?,
            registration_endpoint: address(&document.registration_endpoint)?,
            revocation_endpoint: address(&document.revocation_endpoint)?,
            issuer: document.issuer,
            scopes: document.scopes_supported,
            client_methods: document.token_endpoint_auth_methods_supported,
            has_s256: document.code_challenge_methods_supported.iter().any(|method| method == "S256"),
            names_itself: document.authorization_response_iss_parameter_supported,
            takes_documents: document.client_id_metadata_document_supported,
        }))
    }
}

/// Whether two names are of one authorization server: as texts, but for the slash that some write after a bare host.
pub(super) fn same_issuer(one: &str, other: &str) -> bool {
    let bare = |text: &str| {
        let is_root = Url::parse(text).is_ok_and(|url| url.path() == "/" && url.query().is_none());
        if is_root { text.strip_suffix('/').unwrap_or(text).to_owned() } else { text.to_owned() }
    };
    one == other || bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_the_server_or_above_it() {
        let covers =
            |resource: &str| covers(&Url::parse(resource).unwrap(), &Url::parse("https://a.example/team/mcp").unwrap());
        for good in
            ["https://a.example", "https://a.example/team", "https://a.example/team/", "https://a.example/team/mcp"]
        {
            assert!(covers(good), "{good}");
        }
        for bad in [
            "https://b.example",
            "http://a.example",
            "https://a.example:1",
            "https://a.example/te",
            "https://a.example/team/mcp/x",
        ] {
            assert!(!covers(bad), "{bad}");
        }
    }

    #[test]
    fn issuers_are_compared_as_texts() {
        assert!(same_issuer("https://a.example", "https://a.example/"));
        assert!(same_issuer("https://a.example/t", "https://a.example/t"));
        for (one, other) in [
            ("https://a.example/t", "https://a.example/t/"),
            ("https://a.example", "https://A.example"),
            ("https://a.example", "https://a.example:443"),
            ("https://a.example", "https://b.example"),
        ] {
            assert!(!same_issuer(one, other), "{one} {other}");
        }
    }
}
