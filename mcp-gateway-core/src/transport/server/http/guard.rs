//! Who may talk to the server, and from where.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::model::{Principal, SecretValue};

/// The rules for every request but `/health`.
#[derive(Debug)]
pub(super) struct Guard {
    /// Tokens with the principal of each; none means that everyone on this machine may come in.
    pub(super) tokens: Vec<(SecretValue, Principal)>,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) allowed_origins: Vec<String>,
    /// The port that pages of our own come from.
    pub(super) port: u16,
}

/// Lets a request in with its principal, before anything of its body is read.
pub(super) async fn admit(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    match guard.check(request.headers()) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(refused) => refused,
    }
}

impl Guard {
    /// The principal of a request.
    ///
    /// Checks where it comes from before who it is: a page in a browser learns nothing about tokens.
    #[expect(clippy::result_large_err, reason = "the error is the response that is sent")]
    fn check(&self, headers: &HeaderMap) -> Result<Principal, Response> {
        self.check_host(headers)?;
        self.check_origin(headers)?;
        if self.tokens.is_empty() {
            return Ok(Principal::local());
        }
        let presented = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| SecretValue::new(token.trim()));
        let known = presented.and_then(|presented| {
            // Every token is compared, so that the time tells nothing about which one was close.
            self.tokens
                .iter()
                .fold(None, |found, (token, principal)| if *token == presented { Some(principal) } else { found })
        });
        known.cloned().ok_or_else(|| {
            let mut response = refusal(StatusCode::UNAUTHORIZED, "a valid bearer token is required");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mcp-gateway\""));
            response
        })
    }

    /// A name in `Host` that is not ours is how a web page reaches a local server by rebinding its own name.
    #[expect(clippy::result_large_err, reason = "the error is the response that is sent")]
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Response> {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if is_ours(host_name(host), &self.allowed_hosts) {
            return Ok(());
        }
        Err(refusal(StatusCode::FORBIDDEN, "host is not allowed; name it with --allow-host"))
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
        guard.check(&map).map_err(|response| response.status())
    }

    #[test]
    fn only_known_hosts_origins_and_tokens_come_in() {
        let guard = Guard {
            tokens: vec![
                (SecretValue::new("t1"), Principal::new("ann")),
                (SecretValue::new("t2"), Principal::new("bob")),
            ],
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
