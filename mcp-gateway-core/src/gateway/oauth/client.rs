//! Becoming a client of an authorization server.

use serde_json::{Value, json};
use url::Url;

use super::credential::{Client, ClientMethod, ClientOrigin, Credential};
use super::fetch::Fetch;
use super::metadata::{AuthorizationServer, same_issuer};
use super::settings::OAuthServer;
use super::shown;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// The name that people see when they are asked for their consent.
const NAME: &str = "MCP Gateway";

/// The client for an authorization server: the configured one, one by its metadata document, one that registered itself
/// there before, or one that does so now.
///
/// # Errors
/// `Unsupported`, with what can be configured, when none of these is possible; `Protocol` when the registration's answer
/// cannot be used; `Denied`, `Network`, `Timeout`.
pub(super) async fn client(
    server: &OAuthServer,
    fetch: &Fetch,
    authority: &AuthorizationServer,
    kept: Option<&Credential>,
    secret: Option<SecretValue>,
    redirect_uri: &str,
    scopes: &[String],
) -> Result<Client> {
    let (redirect_uri, scopes) = (redirect_uri.to_owned(), scopes.to_vec());
    if let Some(id) = &server.spec.client_id {
        let method = method(authority, secret.is_some());
        return Ok(Client { id: id.clone(), origin: ClientOrigin::Configured, secret, method, redirect_uri, scopes });
    }
    if let Some(url) = server.spec.client_metadata_url.as_ref().filter(|_| authority.takes_documents) {
        let (origin, method) = (ClientOrigin::Document, ClientMethod::None);
        return Ok(Client { id: url.clone(), origin, secret: None, method, redirect_uri, scopes });
    }
    // A client is known to the one it registered with, and to nobody else.
    let known = kept.filter(|kept| same_issuer(&kept.issuer, &authority.issuer)).map(|kept| &kept.client);
    if let Some(known) = known
        && known.origin == ClientOrigin::Registered
        && known.redirect_uri == redirect_uri
        && scopes.iter().all(|scope| known.scopes.contains(scope))
    {
        return Ok(known.clone());
    }
    match &authority.registration_endpoint {
        Some(endpoint) => register(fetch, endpoint, authority, redirect_uri, scopes).await,
        None => Err(Error::new(ErrorKind::Unsupported, "authorization server lets no client register itself")
            .with_context("issuer", shown(&authority.issuer))
            .with_hint("register a client there and set `oauth.clientId` (and `issuer`, `clientSecret`) for the server in the profile")),
    }
}

/// Registers a client, RFC 7591.
async fn register(
    fetch: &Fetch,
    endpoint: &Url,
    authority: &AuthorizationServer,
    redirect_uri: String,
    scopes: Vec<String>,
) -> Result<Client> {
    let wanted = match method(authority, true) {
        // A program on a person's machine can keep no secret from that person.
        _ if offers(authority, "none").unwrap_or(true) => "none",
        ClientMethod::ClientSecretPost => "client_secret_post",
        _ => "client_secret_basic",
    };
    let mut body = json!({
        "client_name": NAME,
        "application_type": "native",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": wanted,
    });
    if !scopes.is_empty() {
        body["scope"] = scopes.join(" ").into();
    }
    let answer = fetch.post(endpoint, "application/json", body.to_string(), None).await?;
    let text = |name: &str| answer.json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(id) = text("client_id").filter(|_| (200..300).contains(&answer.status)) else {
        let error = Error::new(ErrorKind::Unauthorized, "authorization server does not register the client")
            .with_context("issuer", shown(&authority.issuer))
            .with_context("status", answer.status);
        return Err(match text("error") {
            Some(code) => error.with_context("error", shown(code)),
            None => error,
        });
    };
    let secret = text("client_secret").map(SecretValue::new);
    let method = match (text("token_endpoint_auth_method"), &secret) {
        (_, None) | (Some("none"), _) => ClientMethod::None,
        (Some("client_secret_post"), _) => ClientMethod::ClientSecretPost,
        (Some("client_secret_basic") | None, _) => ClientMethod::ClientSecretBasic,
        (Some(other), _) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "authorization server wants clients to identify themselves in an unknown way",
            )
            .with_context("method", shown(other)));
        }
    };
    Ok(Client { id: id.to_owned(), origin: ClientOrigin::Registered, secret, method, redirect_uri, scopes })
}

/// How a client proves who it is: in the way that the authorization server names first.
fn method(authority: &AuthorizationServer, has_secret: bool) -> ClientMethod {
    if !has_secret {
        return ClientMethod::None;
    }
    let known = |name: &String| match name.as_str() {
        "client_secret_basic" => Some(ClientMethod::ClientSecretBasic),
        "client_secret_post" => Some(ClientMethod::ClientSecretPost),
        _ => None,
    };
    let first = authority.client_methods.as_ref().and_then(|methods| methods.iter().find_map(known));
    first.unwrap_or(ClientMethod::ClientSecretBasic)
}

/// Whether the authorization server takes this way; `None` where it does not say.
fn offers(authority: &AuthorizationServer, method: &str) -> Option<bool> {
    authority.client_methods.as_ref().map(|methods| methods.iter().any(|offered| offered == method))
}
