//! The door of one server: where its connections come to.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(feature = "runtime-docker")]
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::carry::{Begun, Carrier, Traffic};
use super::denials::Denials;
use super::dial::{Dialer, Resolve};
use super::hosts::{Host, HostList, split};
use super::inject::Injection;
use super::proxy;
#[cfg(feature = "runtime-process")]
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::EgressWatch;

/// How many connections a server may have at a time.
const CONNECTIONS: usize = 256;

/// How long nothing is accepted after that has failed.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest first line: a name and a port.
#[cfg(feature = "runtime-docker")]
const MAX_LINE: usize = 320;

/// First words that stand for no host.
pub(super) const PROXY: &str = "proxy";
pub(super) const NAMES: &str = "names";

/// What a door is made of.
#[derive(Debug)]
pub(crate) struct DoorPlan {
    /// What may be reached.
    pub(crate) hosts: HostList,
    /// Whether addresses that are not of the public internet are allowed.
    pub(crate) private: bool,
    /// Who hears of refusals.
    pub(crate) watch: Arc<dyn EgressWatch>,
    /// Who finds the addresses of names.
    pub(crate) resolver: Arc<dyn Resolve>,
    /// The secrets that are put into headers.
    pub(crate) injection: Option<Arc<Injection>>,
}

/// The door of one server. Dropped, it is closed: its connections end.
#[derive(Debug)]
pub(crate) struct Door {
    traffic: Arc<Traffic>,
    _open: DropGuard,
}

impl Door {
    /// Opens a door behind listeners.
    pub(crate) fn open(listeners: Vec<Listener>, plan: DoorPlan) -> Self {
        let traffic = Arc::<Traffic>::default();
        let carrier = Arc::new(Carrier {
            hosts: plan.hosts,
            dialer: Dialer::new(plan.resolver, plan.private),
            denials: Denials::new(plan.watch),
            traffic: Arc::clone(&traffic),
            injection: plan.injection,
        });
        let (closed, free) = (CancellationToken::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        for listener in listeners {
            let (carrier, closed, free) = (Arc::clone(&carrier), closed.clone(), Arc::clone(&free));
            let accepting = closed.clone();
            tokio::spawn(async move { accepting.run_until_cancelled(accept(listener, carrier, closed, free)).await });
        }
        Self { traffic, _open: closed.drop_guard() }
    }

    /// What goes through.
    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }
}

/// Where connections come from.
#[derive(Debug)]
pub(crate) enum Listener {
    /// A socket in the file system; the first line of each connection says what it is for.
    #[cfg(feature = "runtime-docker")]
    Socket(UnixListener),
    /// A place where the server runs, which says what its connections are for.
    #[cfg(feature = "runtime-process")]
    Place(tokio::net::TcpListener, String),
}

#[cfg(feature = "runtime-process")]
impl Listener {
    /// A listener that was opened where the server runs, with the first line of what connects to it.
    ///
    /// # Errors
    /// `Io` when it is no listener.
    pub(crate) fn place(listener: std::os::fd::OwnedFd, word: String) -> Result<Self> {
        let listener = tokio::net::TcpListener::from_std(std::net::TcpListener::from(listener));
        let listener = listener
            .map_err(|cause| Error::new(ErrorKind::Io, "a server's listeners cannot be used").with_source(cause))?;
        Ok(Self::Place(listener, word))
    }
}

async fn accept(listener: Listener, carrier: Arc<Carrier>, closed: CancellationToken, free: Arc<Semaphore>) {
    loop {
        let (carrier, closed) = (Arc::clone(&carrier), closed.clone());
        // Beyond the bound, one connection waits here and others in the kernel's queue, which is bounded too.
        let permit = async || Arc::clone(&free).acquire_owned().await;
        let accepted = match &listener {
            #[cfg(feature = "runtime-docker")]
            Listener::Socket(listener) => match listener.accept().await {
                Ok((stream, _)) => {
                    let permit = permit().await;
                    tokio::spawn(async move {
                        closed.run_until_cancelled(serve(&carrier, stream)).await;
                        drop(permit);
                    });
                    Ok(())
                }
                Err(cause) => Err(cause),
            },
            #[cfg(feature = "runtime-process")]
            Listener::Place(listener, word) => match listener.accept().await {
                Ok((stream, _)) => {
                    let (permit, word) = (permit().await, word.clone());
                    tokio::spawn(async move {
                        closed.run_until_cancelled(serve_word(&carrier, Begun::new(stream), &word)).await;
                        drop(permit);
                    });
                    Ok(())
                }
                Err(cause) => Err(cause),
            },
        };
        if let Err(cause) = accepted {
            tracing::debug!(%cause, "a connection of a server was lost");
            // Out of descriptors, the next one would fail at once too.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Serves one connection, whose first line says what it is for. The line comes from where the server runs, so it is
/// believed no more than the server is.
#[cfg(feature = "runtime-docker")]
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(carrier: &Carrier, stream: S) {
    let mut begun = Begun::new(stream);
    let line = begun.until(MAX_LINE, |bytes| {
        let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n')?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    });
    let Some(line) = line.await else { return };
    let _ = begun.bytes.split_to(line.len() + 1);
    serve_word(carrier, begun, &line).await;
}

/// Serves one connection of which it is known what it is for.
async fn serve_word<S: AsyncRead + AsyncWrite + Unpin + Send>(carrier: &Carrier, begun: Begun<S>, line: &str) {
    if line == PROXY {
        return proxy::serve(carrier, begun).await;
    }
    if let Some(name) = line.strip_prefix(NAMES).and_then(|rest| rest.strip_prefix(' ')) {
        // A name that a wildcard stands for is reached by the proxy.
        if !Host::parse(name).is_some_and(|host| carrier.hosts.knows(&host)) {
            carrier.denials.add(name, None, "the host is not listed");
        }
        return;
    }
    let Some((host, port)) = split(line).and_then(|(host, port)| Some((Host::parse(host)?, port))) else {
        return carrier.denials.add(line, None, "this is no host and port");
    };
    if let Ok(far) = carrier.open(&host, port).await {
        carrier.carry(begun, far, &host, port).await;
    }
}
