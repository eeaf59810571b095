//! Finding out who gives tokens for a server.

use serde_json::{Value, json};
use url::Url;

use super::challenge::Challenge;
use super::fetch::Fetch;
use super::metadata::{AuthorizationServer, ResourceMetadata, same_issuer};
use super::settings::OAuthServer;
use super::{scopes, shown};
use crate::error::{Error, ErrorKind, Result};
use crate::model::RemoteTransport;
use crate::protocol::{ClientHello, Message, RequestId};

/// The most authorization servers of one server that are asked.
const MAX_ISSUERS: usize = 4;

const RESOURCE: &str = "oauth-protected-resource";
const SERVER: &str = "oauth-authorization-server";
const OPENID: &str = "openid-configuration";

/// Who gives tokens for a server, and what to ask him for.
#[derive(Clone, Debug)]
pub(super) struct Discovered {
    pub(super) authority: AuthorizationServer,
    /// What the token is for, RFC 8707.
    pub(super) resource: String,
    /// The scopes that the server names.
    pub(super) scopes: Vec<String>,
}

/// Asks the server without a token what it wants.
///
/// # Errors
/// `Denied`, `Network`, `Timeout`.
pub(super) async fn challenge(server: &OAuthServer, fetch: &Fetch) -> Result<Option<Challenge>> {
    // Some servers look at a token only where a message comes with it, and some let everybody shake hands.
    let messages = match server.transport {
        RemoteTransport::Sse => Vec::new(),
        RemoteTransport::StreamableHttp => {
            let params = ClientHello::of_gateway(json!({})).to_params()?;
            vec![
                Message::request(RequestId::number(1), "initialize", Some(params)).to_json(),
                Message::request(RequestId::number(2), "tools/list", None).to_json(),
            ]
        }
    };
    Ok(fetch.probe(&server.url, messages).await?.as_ref().map(Challenge::of))
}

/// Finds the authorization server: by the server's metadata, where the challenge says or in the well-known places, and
/// of servers that have none, at their own origin.
///
/// `known` is the one that is preferred among several.
///
/// # Errors
/// `Denied` when what is found is about somebody else or must not be reached, `Unsupported` when there is none.
pub(super) async fn discover(
    server: &OAuthServer,
    fetch: &Fetch,
    challenge: &Challenge,
    known: Option<&str>,
) -> Result<Discovered> {
    let metadata = resource(server, fetch, challenge).await?;
    let (resource, mut issuers, named) = match metadata {
        Some(metadata) => (metadata.resource, metadata.authorization_servers, metadata.scopes_supported),
        None => (server.resource(), vec![server.url.origin().ascii_serialization()], Vec::new()),
    };
    if let Some(only) = &server.spec.issuer {
        issuers.retain(|issuer| same_issuer(issuer, only));
        if issuers.is_empty() {
            return Err(Error::new(
                ErrorKind::Denied,
                "server names another authorization server than the configured one",
            )
            .with_context("server", &server.name)
            .with_context("issuer", shown(only)));
        }
    }
    // A stable sort: the others stay in their order.
    issuers.sort_by_key(|issuer| known.is_none_or(|known| !same_issuer(issuer, known)));
    let scopes = if challenge.scopes.is_empty() { scopes(&named.join(" ")) } else { challenge.scopes.clone() };
    let mut failure = None;
    for issuer in issuers.iter().take(MAX_ISSUERS) {
        match authority(fetch, issuer).await {
            Ok(authority) => return Ok(Discovered { authority, resource, scopes }),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure
        .unwrap_or_else(|| Error::new(ErrorKind::Unsupported, "server names no authorization server"))
        .with_context("server", &server.name))
}

async fn resource(server: &OAuthServer, fetch: &Fetch, challenge: &Challenge) -> Result<Option<ResourceMetadata>> {
    let mut places = Vec::new();
    if let Some(text) = &challenge.resource_metadata {
        places.push(fetch.address(text)?);
    }
    for place in [inserted(&server.url, RESOURCE), at_root(&server.url, RESOURCE)] {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    for place in places {
        if let Some(document) = fetch.document(&place).await?
            && let Some(metadata) = ResourceMetadata::read(document, &server.url)?
        {
            return Ok(Some(metadata));
        }
    }
    Ok(None)
}

/// The metadata of an authorization server: RFC 8414, then OpenID Connect with its path inserted, then appended.
///
/// # Errors
/// `Denied` when all that is found is of another one or must not be reached, `Unsupported` when nothing is found.
pub(super) async fn authority(fetch: &Fetch, issuer: &str) -> Result<AuthorizationServer> {
    let url = fetch.address(issuer)?;
    let mut places = vec![inserted(&url, SERVER), inserted(&url, OPENID)];
    let appended = appended(&url, OPENID);
    if !places.contains(&appended) {
        places.push(appended);
    }
    let mut failure = None;
    for place in places {
        let found: Result<Option<Value>> = fetch.document(&place).await;
        match found
            .and_then(|document| document.map_or(Ok(None), |text| AuthorizationServer::read(text, issuer, fetch)))
        {
            Ok(Some(authority)) => return Ok(authority),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(ErrorKind::Unsupported, "authorization server publishes no metadata")
            .with_context("issuer", shown(issuer))
    }))
}

fn inserted(url: &Url, name: &str) -> Url {
    placed(url, &format!("/.well-known/{name}{}", url.path().trim_end_matches('/')))
}

fn appended(url: &Url, name: &str) -> Url {
    placed(url, &format!("{}/.well-known/{name}", url.path().trim_end_matches('/')))
}

fn at_root(url: &Url, name: &str) -> Url {
    placed(url, &format!("/.well-known/{name}"))
}

fn placed(url: &Url, path: &str) -> Url {
    let mut place = url.clone();
    place.set_query(None);
    place.set_fragment(None);
    place.set_path(path);
    place
}
