//! How a registry is told who asks: by a password, or by a token that its token server gives.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::repository::{MAX_MANIFEST, is_loopback};
use crate::error::{Error, ErrorKind, Result};
use crate::util::http::{HeaderSet, HttpClient, HttpMethod, HttpRequest, host};

/// How a registry is told who asks; printed without its secret.
#[derive(Clone)]
pub(crate) enum Login {
    /// By name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// By a token that others are given for.
    IdentityToken(Zeroizing<String>),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(***)",
            Self::IdentityToken(_) => "IdentityToken(***)",
        })
    }
}

/// The value of `Authorization`; printed without it.
#[derive(Clone)]
pub(super) struct Authorization(Zeroizing<String>);

impl Authorization {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(***)")
    }
}

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token of this server.
    Bearer { realm: Url, service: Option<String>, scope: Option<String> },
}

impl Challenge {
    /// Reads `WWW-Authenticate`; `None` for what is not understood.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let realm = parameter(rest, "realm").and_then(|realm| Url::parse(&realm).ok())?;
        Some(Self::Bearer { realm, service: parameter(rest, "service"), scope: parameter(rest, "scope") })
    }

    /// The value of `Authorization` that answers it.
    ///
    /// # Errors
    /// `Denied` for a token server that must not be sent a password, `Network` when it gives no token.
    pub(super) async fn answer(
        self,
        http: &HttpClient,
        registry: &Url,
        login: Option<&Login>,
        default_scope: &str,
    ) -> Result<Option<Authorization>> {
        match (self, login) {
            (Self::Basic, Some(Login::Password { user, password })) => Ok(Some(basic(user, password))),
            (Self::Basic, _) => Ok(None),
            (Self::Bearer { realm, service, scope }, login) => {
                let is_near = is_loopback(registry) && is_loopback(&realm);
                if realm.scheme() != "https" && !is_near {
                    return Err(Error::new(ErrorKind::Denied, "the registry's token server is not reached over HTTPS")
                        .with_context("registry", host(registry))
                        .with_context("host", host(&realm)));
                }
                let scope = scope.unwrap_or_else(|| default_scope.to_owned());
                token(http, realm, service, &scope, login).await.map(Some)
            }
        }
    }
}

fn basic(user: &str, password: &str) -> Authorization {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Authorization(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_str()))))
}

/// Asks a token server.
async fn token(
    http: &HttpClient,
    mut realm: Url,
    service: Option<String>,
    scope: &str,
    login: Option<&Login>,
) -> Result<Authorization> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        token: String,
        #[serde(default)]
        access_token: String,
    }

    let server = host(&realm);
    let refused = |why: &'static str| Error::new(ErrorKind::Network, why).with_context("host", &server);
    let mut headers = HeaderSet::default();
    let mut body = None;
    if let Some(Login::IdentityToken(identity)) = login {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("client_id", "mcp-gateway");
        form.append_pair("refresh_token", identity).append_pair("scope", scope);
        if let Some(service) = &service {
            form.append_pair("service", service);
        }
        headers.set("content-type", "application/x-www-form-urlencoded")?;
        body = Some(form.finish().into());
    } else {
        let mut query = realm.query_pairs_mut();
        query.append_pair("scope", scope);
        if let Some(service) = &service {
            query.append_pair("service", service);
        }
        drop(query);
    }
    let method = if body.is_some() { HttpMethod::Post } else { HttpMethod::Get };
    let mut request = HttpRequest::new(method, &realm);
    if let Some(Login::Password { user, password }) = login {
        request.guarded.set("authorization", basic(user, password).expose())?;
    }
    // A secret goes where it was meant to go or nowhere.
    request.follow = login.is_none();
    request.open = headers;
    request.body = body;
    let mut response = http.send(request).await?;
    if response.status() != 200 {
        return Err(refused("the registry's token server gives no token")
            .with_context("status", response.status())
            .with_hint("check the name of the repository; if it is private, run `docker login` for its registry"));
    }
    // The reason is left out: it could repeat the token.
    let answer: Answer = serde_json::from_slice(&response.body(MAX_MANIFEST).await?)
        .map_err(|_| refused("the answer of the registry's token server cannot be read"))?;
    let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
    if token.is_empty() {
        return Err(refused("the registry's token server gives no token"));
    }
    Ok(Authorization(Zeroizing::new(format!("Bearer {token}"))))
}

/// A parameter of a challenge, `key="value"`.
fn parameter(text: &str, key: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').map_or((after, ""), |(value, _)| (value, &after[value.len()..])),
        };
        if name.trim().trim_start_matches(',').trim().eq_ignore_ascii_case(key) {
            return Some(value.trim().to_owned());
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_their_usual_forms() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer { realm, service, scope }) = Challenge::read(hub) else { panic!() };
        assert_eq!(realm.as_str(), "https://auth.docker.io/token");
        assert_eq!(
            (service.as_deref(), scope.as_deref()),
            (Some("registry.docker.io"), Some("repository:a/b:pull,push"))
        );
        assert_eq!(Challenge::read("basic realm=\"x\""), Some(Challenge::Basic));
        assert!(matches!(
            Challenge::read("Bearer service=x, realm=https://a.example/t"),
            Some(Challenge::Bearer { service: Some(service), scope: None, .. }) if service == "x"
        ));
        for odd in ["", "Digest realm=\"x\"", "Bearer", "Bearer realm=\"no address\"", "Bearer realm=\"unfinished"] {
            assert_eq!(Challenge::read(odd), None, "{odd}");
        }
    }
}
