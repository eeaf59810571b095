//! Making and running the HTTP server.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::guard::Guard;
use super::sessions::HttpSessions;
use super::{connections, streamable, tls};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Principal, SecretValue};
use crate::transport::server::SessionHost;

/// How often sessions that nobody uses are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Settings of the HTTP server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpServerConfig {
    /// Where to listen. Default `127.0.0.1:8811`.
    pub address: SocketAddr,
    /// Names beside `localhost` that clients may use in `Host`.
    pub allowed_hosts: Vec<String>,
    /// Origins beside those of this machine that web pages may come from.
    pub allowed_origins: Vec<String>,
    /// The largest request body, in bytes. Default 16 MiB.
    pub max_body_bytes: usize,
    /// How many connections may be open. Default 1,024.
    pub max_connections: usize,
    /// How many sessions may be open. Default 1,000.
    pub max_sessions: usize,
    /// How long a session may be unused. Default 30 min.
    pub session_idle: Duration,
    /// How long requests under way may go on after `shutdown`. Default 10 s.
    pub drain: Duration,
    /// A certificate and its key; without them, plain HTTP.
    pub tls: Option<TlsFiles>,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8811)),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_body_bytes: 16 * 1024 * 1024,
            max_connections: 1_024,
            max_sessions: 1_000,
            session_idle: Duration::from_secs(30 * 60),
            drain: Duration::from_secs(10),
            tls: None,
        }
    }
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Names the two files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificate: certificate.into(), key: key.into() }
    }
}

/// Gives the text of `/metrics`.
type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

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
    /// `InvalidInput` without a token (unless on loopback and said so) or with an empty one; `Network` when the address
    /// cannot be used; `InvalidConfig` when certificate or key cannot.
    pub async fn bind(self) -> Result<BoundHttpServer> {
        if self.tokens.iter().any(|(token, _)| token.expose().len() < 16) {
            return Err(Error::new(ErrorKind::InvalidInput, "bearer token is shorter than 16 characters"));
        }
        if self.tokens.is_empty() && !(self.without_token && self.config.address.ip().is_loopback()) {
            return Err(Error::new(ErrorKind::InvalidInput, "an HTTP server needs a bearer token")
                .with_context("address", self.config.address)
                .with_hint("serving without a token is possible on a loopback address only, and must be asked for"));
        }
        let tls = self.config.tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = TcpListener::bind(self.config.address).await.map_err(|cause| {
            Error::new(ErrorKind::Network, "cannot listen")
                .with_context("address", self.config.address)
                .with_hint("choose another port with --port")
                .with_source(cause)
        })?;
        let sessions = Arc::new(HttpSessions::new(self.config.max_sessions, self.config.session_idle));
        let guard = Arc::new(Guard {
            tokens: self.tokens,
            allowed_hosts: self.config.allowed_hosts.clone(),
            allowed_origins: self.config.allowed_origins.clone(),
        });
        let mut router = Router::new().route("/health", get(health));
        if let Some(text) = self.metrics {
            let metrics = Arc::new(MetricsFace { guard: Arc::clone(&guard), text });
            router = router.route("/metrics", get(metrics_text).with_state(metrics));
        }
        for (at, (profile, host)) in self.hosts.into_iter().enumerate() {
            let prefixes = [Some(format!("/profiles/{profile}")), (at == 0).then(String::new)];
            for prefix in prefixes.into_iter().flatten() {
                let face = Face {
                    prefix: prefix.clone(),
                    profile: profile.clone(),
                    host: Arc::clone(&host),
                    guard: Arc::clone(&guard),
                    sessions: Arc::clone(&sessions),
                };
                router = router.merge(routes(Arc::new(face)));
            }
        }
        let router = router.layer(DefaultBodyLimit::max(self.config.max_body_bytes));
        Ok(BoundHttpServer { listener, router, sessions, tls, config: self.config })
    }
}

/// One profile at one address.
#[derive(Debug)]
pub(super) struct Face {
    pub(super) prefix: String,
    pub(super) profile: String,
    pub(super) host: Arc<dyn SessionHost>,
    pub(super) guard: Arc<Guard>,
    pub(super) sessions: Arc<HttpSessions>,
}

struct MetricsFace {
    guard: Arc<Guard>,
    text: MetricsText,
}

fn routes(face: Arc<Face>) -> Router {
    let prefix = face.prefix.clone();
    let streamable = post(streamable::post).get(streamable::get).delete(streamable::delete);
    let router = Router::new().route(&format!("{prefix}/mcp"), streamable);
    #[cfg(feature = "transport-sse")]
    let router = router
        .route(&format!("{prefix}/sse"), get(super::sse::open))
        .route(&format!("{prefix}/message"), post(super::sse::message));
    router.with_state(face)
}

async fn health() -> Json<serde_json::Value> {
    Json(json!({"status": "ok", "version": crate::VERSION}))
}

async fn metrics_text(State(face): State<Arc<MetricsFace>>, headers: HeaderMap) -> Response {
    match face.guard.check(&headers) {
        Ok(_) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], (face.text)()).into_response(),
        Err(refused) => refused,
    }
}

/// A server that listens.
pub struct BoundHttpServer {
    listener: TcpListener,
    router: Router,
    sessions: Arc<HttpSessions>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    config: HttpServerConfig,
}

impl fmt::Debug for BoundHttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundHttpServer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl BoundHttpServer {
    /// Where it listens; tells the port that the system chose for port 0.
    ///
    /// # Errors
    /// `Network` when the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.listener
            .local_addr()
            .map_err(|cause| Error::new(ErrorKind::Network, "listener has no address").with_source(cause))
    }

    /// Serves until `shutdown` fires; then takes no more connections, lets requests finish, and ends every session.
    pub async fn serve(self, shutdown: CancellationToken) {
        let sweeper = tokio::spawn(sweep(Arc::clone(&self.sessions), self.config.session_idle));
        let bound = self.config.max_connections;
        let graceful = connections::accept(&self.listener, self.router, self.tls, bound, &shutdown).await;
        drop(self.listener);
        sweeper.abort();
        let sessions = Arc::clone(&self.sessions);
        let drained = async {
            wait_for_requests(&sessions).await;
            end_all(&sessions).await;
            graceful.shutdown().await;
        };
        if tokio::time::timeout(self.config.drain, drained).await.is_err() {
            tracing::warn!("requests under way were cut off");
            end_all(&self.sessions).await;
        }
    }
}

async fn sweep(sessions: Arc<HttpSessions>, idle: Duration) {
    let mut ticks = tokio::time::interval(SWEEP.min(idle.max(Duration::from_millis(50))));
    loop {
        ticks.tick().await;
        for session in sessions.take_expired() {
            session.close().await;
        }
    }
}

async fn wait_for_requests(sessions: &HttpSessions) {
    while sessions.is_busy() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn end_all(sessions: &HttpSessions) {
    for session in sessions.take_all() {
        session.close().await;
    }
}
