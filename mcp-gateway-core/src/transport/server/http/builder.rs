//! Making the HTTP server.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::bound::{BoundHttpServer, local_addr};
#[cfg(feature = "transport-oauth")]
use super::face;
use super::face::{Face, MetricsText, router};
use super::guard::Guard;
use super::principals::Principals;
use super::sessions::HttpSessions;
use super::{HttpServerConfig, tls};
#[cfg(feature = "transport-oauth")]
use super::{OAuthResource, oauth::OAuthGuard};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, ProfileName, SecretValue};
use crate::transport::server::SessionHost;

/// The shortest token that is no invitation to guess.
const MIN_TOKEN: usize = 16;

/// Serves gateways over HTTP.
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpServer;

impl HttpServer {
    /// A server of nothing yet.
    pub fn builder() -> HttpServerBuilder {
        HttpServerBuilder {
            config: HttpServerConfig::default(),
            hosts: Vec::new(),
            tokens: Vec::new(),
            #[cfg(feature = "transport-oauth")]
            oauth: None,
            without_token: false,
            metrics: None,
        }
    }
}

/// Makes an HTTP server.
pub struct HttpServerBuilder {
    config: HttpServerConfig,
    hosts: Vec<(String, Arc<dyn SessionHost>)>,
    tokens: Vec<(SecretValue, Principal)>,
    #[cfg(feature = "transport-oauth")]
    oauth: Option<OAuthResource>,
    without_token: bool,
    metrics: Option<MetricsText>,
}

impl fmt::Debug for HttpServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl HttpServerBuilder {
    /// Settings.
    #[must_use]
    pub fn with_config(mut self, config: HttpServerConfig) -> Self {
        self.config = config;
        self
    }

    /// Serves a profile at `/profiles/<name>/mcp`; the first one also at `/mcp`.
    #[must_use]
    pub fn with_host(mut self, profile: impl Into<String>, host: Arc<dyn SessionHost>) -> Self {
        self.hosts.push((profile.into(), host));
        self
    }

    /// Lets in who presents this bearer token, as this principal.
    #[must_use]
    pub fn with_token(mut self, token: SecretValue, principal: Principal) -> Self {
        self.tokens.push((token, principal));
        self
    }

    /// Lets in who presents a token that an authorization server made for this one; tokens of
    /// [`with_token`](Self::with_token) are looked at first. The name in the public address is a host that clients may use.
    #[cfg(feature = "transport-oauth")]
    #[must_use]
    pub fn with_oauth(mut self, oauth: OAuthResource) -> Self {
        self.oauth = Some(oauth);
        self
    }

    /// Lets in everyone on this machine; refused for any address but loopback.
    #[must_use]
    pub fn without_token(mut self) -> Self {
        self.without_token = true;
        self
    }

    /// Serves this text at `/metrics`.
    #[must_use]
    pub fn with_metrics(mut self, text: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(text));
        self
    }

    /// Listens.
    ///
    /// # Errors
    /// `InvalidInput` without a token (unless on loopback and said so) or with one of less than 16 characters, and without
    /// a host or with two of one profile; `Network` when the address cannot be used; `InvalidConfig` or `NotFound` when
    /// certificate or key cannot, or what is said about OAuth; `Denied` for an issuer at a private address.
    pub async fn bind(self) -> Result<BoundHttpServer> {
        if self.tokens.iter().any(|(token, _)| token.expose().len() < MIN_TOKEN) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("bearer token is shorter than {MIN_TOKEN} characters"),
            ));
        }
        #[cfg(feature = "transport-oauth")]
        let has_oauth = self.oauth.is_some();
        #[cfg(not(feature = "transport-oauth"))]
        let has_oauth = false;
        let is_open = self.tokens.is_empty() && !has_oauth;
        if is_open && !(self.without_token && self.config.address.ip().is_loopback()) {
            return Err(Error::new(ErrorKind::InvalidInput, "an HTTP server needs a bearer token")
                .with_context("address", self.config.address)
                .with_hint("serving without a token is possible on a loopback address only, and must be asked for"));
        }
        let mut profiles = HashSet::new();
        for (profile, _) in &self.hosts {
            ProfileName::new(profile)?;
            if !profiles.insert(profile.as_str()) {
                return Err(Error::new(ErrorKind::InvalidInput, format!("profile `{profile}` is served twice")));
            }
        }
        if self.hosts.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "an HTTP server needs something to serve"));
        }
        let tls = self.config.tls.as_ref().map(tls::acceptor).transpose()?;
        let sessions = Arc::new(HttpSessions::new(self.config.max_sessions, self.config.session_idle));
        let principals = Arc::new(Principals::new(self.config.max_sessions));
        let mut faces = Vec::new();
        for (at, (profile, host)) in self.hosts.into_iter().enumerate() {
            let prefixes = [Some(format!("/profiles/{profile}")), (at == 0).then(String::new)];
            faces.extend(prefixes.into_iter().flatten().map(|prefix| Face {
                prefix,
                profile: profile.clone(),
                host: Arc::clone(&host),
                sessions: Arc::clone(&sessions),
                principals: Arc::clone(&principals),
                max_body_bytes: self.config.max_body_bytes,
            }));
        }
        #[cfg(feature = "transport-oauth")]
        let oauth = match self.oauth {
            Some(oauth) => {
                let taken = self.tokens.iter().map(|(_, principal)| Arc::clone(&principal.name));
                Some(Arc::new(OAuthGuard::new(oauth, &face::paths(&faces), taken)?))
            }
            None => None,
        };
        let listener = TcpListener::bind(self.config.address).await.map_err(|cause| {
            Error::new(ErrorKind::Network, "cannot listen")
                .with_context("address", self.config.address)
                .with_hint("choose another port with --port")
                .with_source(cause)
        })?;
        let guard = Guard {
            tokens: self.tokens,
            #[cfg(feature = "transport-oauth")]
            oauth,
            allowed_hosts: self.config.allowed_hosts.clone(),
            allowed_origins: self.config.allowed_origins.clone(),
            port: local_addr(&listener)?.port(),
        };
        let router = router(faces, self.metrics, guard);
        Ok(BoundHttpServer { listener, router, sessions, principals, tls, config: self.config })
    }
}
