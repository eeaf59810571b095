//! Accepts connections, serves them, drains them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::stall::Stall;

/// How long a client may take to send its headers, to begin its next request, or to shake hands.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may read nothing while there is something to read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most headers, and the most bytes of them.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The pause after the system could not give a connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    graceful: GracefulShutdown,
    cut: CancellationToken,
}

impl Connections {
    /// Takes at most `bound` at the same time; the others wait in the system's queue.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            graceful: GracefulShutdown::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Serves whoever connects, for as long as it is polled.
    pub(super) async fn accept(&self, listener: &TcpListener, router: &Router, tls: Option<&TlsAcceptor>) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let stream = loop {
                match listener.accept().await {
                    Ok((stream, _)) => break stream,
                    Err(error) => {
                        tracing::warn!(%error, "connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            };
            // Without this, small answers wait 40 ms for the client's acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "connection without TCP_NODELAY");
            }
            let (router, tls) = (router.clone(), tls.cloned());
            let (watcher, cut) = (self.graceful.watcher(), self.cut.clone());
            self.tasks.spawn(async move {
                tokio::select! {
                    () = serve(stream, router, tls, watcher) => {}
                    () = cut.cancelled() => {}
                }
                drop(place);
            });
        }
    }

    /// Takes no more requests, waits for those under way, and cuts off what is left when `limit` has passed.
    pub(super) async fn drain(self, limit: Duration) {
        self.tasks.close();
        let drained = tokio::time::timeout(limit, self.graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("connections were cut off");
        }
        self.cut.cancel();
        self.tasks.wait().await;
    }
}

async fn serve(stream: TcpStream, router: Router, tls: Option<TlsAcceptor>, watcher: Watcher) {
    match tls {
        None => serve_http(stream, router, watcher).await,
        Some(tls) => match tokio::time::timeout(HEADER_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve_http(stream, router, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        },
    }
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router, watcher: Watcher) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    let stream = TokioIo::new(Stall::new(stream, WRITE_TIMEOUT));
    let connection = builder.serve_connection(stream, TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended badly");
    }
}
