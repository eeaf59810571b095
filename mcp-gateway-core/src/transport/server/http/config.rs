//! Settings of the HTTP server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the HTTP server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpServerConfig {
    /// Where to listen. Default `127.0.0.1:8811`.
    pub address: SocketAddr,
    /// Names beside `localhost` that clients may use in `Host`.
    pub allowed_hosts: Vec<String>,
    /// Origins that web pages may come from, such as `https://app.example`, beside this port of this machine.
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
