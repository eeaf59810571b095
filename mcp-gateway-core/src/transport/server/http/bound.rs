//! The server at work.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::HttpServerConfig;
use super::connections::Connections;
use super::principals::Principals;
use super::sessions::HttpSessions;
use crate::error::{Error, ErrorKind, Result};

/// How often sessions that nobody uses are looked for, at most and at least.
const SWEEP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A server that listens.
pub struct BoundHttpServer {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
    pub(super) sessions: Arc<HttpSessions>,
    pub(super) principals: Arc<Principals>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) config: HttpServerConfig,
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
        local_addr(&self.listener)
    }

    /// Serves until `shutdown` fires; then takes no more connections, lets requests finish, and ends every session.
    ///
    /// # Behavior
    /// - Requests that have not finished when the drain time has passed are cancelled, and their connections cut.
    /// - When this returns, no connection and no task of the server is left.
    pub async fn serve(self, shutdown: CancellationToken) {
        let drain = self.config.drain;
        let connections = Connections::new(self.config.max_connections);
        tokio::select! {
            () = connections.accept(&self.listener, &self.router, self.tls.as_ref()) => {}
            () = sweep(&self.sessions, &self.principals, self.config.session_idle) => {}
            () = shutdown.cancelled() => {}
        }
        drop(self.listener);
        tokio::join!(self.sessions.wind_down(), self.principals.wind_down());
        let sessions = async {
            if tokio::time::timeout(drain, self.sessions.wait_for_requests()).await.is_err() {
                tracing::warn!("requests under way were cut off");
            }
            self.sessions.end().await;
        };
        tokio::join!(sessions, connections.drain(drain));
        self.principals.end().await;
    }
}

pub(super) fn local_addr(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|cause| Error::new(ErrorKind::Network, "listener has no address").with_source(cause))
}

async fn sweep(sessions: &HttpSessions, principals: &Principals, idle: Duration) {
    let mut ticks = tokio::time::interval(idle.clamp(SWEEP.0, SWEEP.1));
    loop {
        ticks.tick().await;
        sessions.sweep().await;
        principals.sweep(idle).await;
    }
}
