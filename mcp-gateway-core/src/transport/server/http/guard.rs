//! Who may talk to the server, and from where.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde_json::json;

#[cfg(feature = "transport-oauth")]
use super::oauth::OAuthGuard;
use crate::model::{Principal, SecretValue};
use crate::protocol::http::header as names;
use crate::protocol::stateless::LISTEN;

/// The rules for every request but `/health`.
#[derive(Debug)]
pub(super) struct Guard {
    /// Tokens with the principal of each; without these and `oauth`, everyone on this machine may come in.
    pub(super) tokens: Vec<(SecretValue, Principal)>,
    /// Tokens of authorization servers.
    #[cfg(feature = "transport-oauth")]
    pub(super) oauth: Option<Arc<OAuthGuard>>,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) allowed_origins: Vec<String>,
    /// The port that pages of our own come from.
    pub(super) port: u16,
}

/// Who was let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) principal: Principal,
    /// When that is over; never for a token of the operator.
    pub(super) until: Option<Instant>,
}

/// Lets a request in with its principal, before anything of its body is read.
pub(super) async fn admit(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let admitted = match guard.check(request.uri().path(), request.headers()).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    request.extensions_mut().insert(admitted.principal);
    // An answer may take longer than its token is good; what a client merely listens to would go on for ever.
    let is_listening = request.method() == Method::GET
        || request.headers().get(names::METHOD).is_some_and(|method| method.as_bytes() == LISTEN.as_bytes());
    let until = admitted.until.filter(|_| is_listening);
    let response = next.run(request).await;
    match until {
        Some(until) => response
            .map(|body| Body::from_stream(body.into_data_stream().take_until(tokio::time::sleep_until(until.into())))),
        None => response,
    }
}

/// Lets in a request that needs no token.
#[cfg(feature = "transport-oauth")]
pub(super) async fn admit_anyone(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.check_host(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused,
    }
}

impl Guard {
    /// The principal of a request.
    ///
    /// Checks where it comes from before who it is: a page in a browser learns nothing about tokens.
    #[cfg_attr(not(feature = "transport-oauth"), expect(unused_variables, reason = "paths matter to OAuth only"))]
    async fn check(&self, path: &str, headers: &HeaderMap) -> Result<Admitted, Response> {
        self.check_host(headers)?;
        self.check_origin(headers)?;
        let presented = bearer(headers);
        if let Some(known) = presented.as_ref().and_then(|presented| self.known(presented)) {
            return Ok(Admitted { principal: known.clone(), until: None });
        }
        #[cfg(feature = "transport-oauth")]
        if let Some(oauth) = &self.oauth {
            return oauth.admit(path, presented.as_ref()).await;
        }
        if self.tokens.is_empty() {
            return Ok(Admitted { principal: Principal::local(), until: None });
        }
        let mut response = refusal(StatusCode::UNAUTHORIZED, "a valid bearer token is required");
        let challenge = HeaderValue::from_static("Bearer realm=\"mcp-gateway\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Err(response)
    }

    /// Whose token this is, of those that the operator gave.
    fn known(&self, presented: &SecretValue) -> Option<&Principal> {
        // Every token is compared, so that the time tells nothing about which one was close.
        self.tokens
            .iter()
            .fold(None, |found, (token, principal)| if token == presented { Some(principal) } else { found })
    }

    /// A name in `Host` that is not ours is how a web page reaches a local server by rebinding its own name.
    #[expect(clippy::result_large_err, reason = "the error is the response that is sent")]
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Response> {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if is_ours(host_name(host), &self.allowed_hosts) || self.is_public_name(host_name(host)) {
            return Ok(());
        }
        Err(refusal(StatusCode::FORBIDDEN, "host is not allowed; name it with --allow-host"))
    }

    /// Whether it is the name in the public address, which the operator gave for tokens.
    #[cfg_attr(not(feature = "transport-oauth"), expect(unused_variables, reason = "it matters to OAuth only"))]
    fn is_public_name(&self, host: &str) -> bool {
        #[cfg(feature = "transport-oauth")]
        return self.oauth.as_ref().is_some_and(|oauth| oauth.host().eq_ignore_ascii_case(host));
        #[cfg(not(feature = "transport-oauth"))]
        return false;
    }

    #[expect(clippy::result_large_err, reason = "the error is the response that is sent")]
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Response> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        if self.is_own_page(origin) || self.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
            return Ok(());
        }
        Err(refusal(StatusCode::FORBIDDEN, "origin is not allowed; name it with --allow-origin"))
    }

    /// Other ports of this machine are other programs, whose pages are no more ours than those from elsewhere.
    fn is_own_page(&self, origin: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else { return false };
        let host = host_name(rest);
        let port = rest.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let port = match scheme {
            "http" => port.unwrap_or(80),
            "https" => port.unwrap_or(443),
            _ => return false,
        };
        let is_loopback = host == "localhost" || address(host).is_some_and(|address| address.is_loopback());
        is_loopback && port == self.port
    }
}

/// The bearer token of a request; one that comes with two has none.
fn bearer(headers: &HeaderMap) -> Option<SecretValue> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretValue::new(token.trim()))
}

/// A refusal with its reason.
pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({"error": reason}))).into_response()
}

/// The name or address of `name:port`.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// An address cannot be rebound as a name can; of names, only `localhost` and those that the operator lists are ours.
fn is_ours(host: &str, allowed: &[String]) -> bool {
    address(host).is_some()
        || host.eq_ignore_ascii_case("localhost")
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
}

fn address(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, headers: &[(&'static str, &str)]) -> Result<Principal, StatusCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let admitted = runtime.block_on(guard.check("/mcp", &map));
        admitted.map(|admitted| admitted.principal).map_err(|response| response.status())
    }

    #[test]
    fn only_known_hosts_origins_and_tokens_come_in() {
        let guard = Guard {
            tokens: vec![
                (SecretValue::new("t1"), Principal::new("ann")),
                (SecretValue::new("t2"), Principal::new("bob")),
            ],
            #[cfg(feature = "transport-oauth")]
            oauth: None,
            allowed_hosts: vec!["gw.example".to_owned()],
            allowed_origins: vec!["https://app.example".to_owned()],
            port: 3,
        };
        let ok = ("authorization", "Bearer t2");
        assert_eq!(check(&guard, &[("host", "127.0.0.1:1"), ok]).unwrap(), Principal::new("bob"));
        assert_eq!(
            check(&guard, &[("host", "[::1]:1"), ok, ("origin", "http://localhost:3")]).unwrap(),
            Principal::new("bob")
        );
        assert_eq!(
            check(&guard, &[("host", "GW.example"), ok, ("origin", "https://app.example")]).unwrap(),
            Principal::new("bob")
        );
        for (headers, status) in [
            (vec![("host", "evil.example"), ok], 403),
            (vec![ok], 403),
            (vec![("host", "localhost"), ok, ("origin", "https://evil.example")], 403),
            (vec![("host", "localhost"), ok, ("origin", "null")], 403),
            (vec![("host", "localhost"), ok, ("origin", "http://localhost:4")], 403),
            (vec![("host", "localhost"), ok, ("origin", "ftp://localhost:3")], 403),
            (vec![("host", "localhost"), ok, ("origin", "http://localhost.evil.example")], 403),
            (vec![("host", "localhost")], 401),
            (vec![("host", "localhost"), ("authorization", "Bearer t")], 401),
            (vec![("host", "localhost"), ("authorization", "Basic t1")], 401),
        ] {
            assert_eq!(check(&guard, &headers).unwrap_err().as_u16(), status, "{headers:?}");
        }
    }
}
