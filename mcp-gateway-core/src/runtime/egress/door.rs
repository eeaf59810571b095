//! The door of one server: the socket that its connections come to.

use std::fmt;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::carry::{Begun, Carrier, Traffic};
use super::denials::Denials;
use super::dial::{Dialer, Resolve};
use super::hosts::{Host, HostList, split};
use super::{files, proxy};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::EgressWatch;

/// How many connections a server may have at a time.
const CONNECTIONS: usize = 256;

/// The longest first line: a name and a port.
const MAX_LINE: usize = 320;

/// The name of the socket in its folder.
pub(crate) const SOCKET: &str = "egress.sock";

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
}

/// The door of one server. Dropped, it is closed: its connections end, its folder is removed.
pub(crate) struct Door {
    /// The folder with the socket, where there is one.
    folder: Option<PathBuf>,
    traffic: Arc<Traffic>,
    _open: DropGuard,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Door {
    /// Opens a door in a folder of its own.
    ///
    /// # Errors
    /// `Io` when the folder or the socket cannot be made.
    #[cfg(feature = "runtime-docker")]
    pub(crate) fn open(folder: PathBuf, plan: DoorPlan) -> Result<Self> {
        let listener = listen(&folder).inspect_err(|_| files::remove_folder(&folder))?;
        Ok(Self::serve(Some(folder), plan, vec![Listener::Socket(listener)]))
    }

    /// Opens a door behind listeners that are where the server runs; each has the first line of what connects to it.
    ///
    /// # Errors
    /// `Io` when they are no listeners.
    #[cfg(feature = "runtime-process")]
    pub(crate) fn behind(listeners: Vec<(OwnedFd, String)>, plan: DoorPlan) -> Result<Self> {
        let open = |(listener, word)| {
            let listener = tokio::net::TcpListener::from_std(std::net::TcpListener::from(listener));
            let listener = listener
                .map_err(|cause| Error::new(ErrorKind::Io, "a server's listeners cannot be used").with_source(cause))?;
            Ok(Listener::Place(listener, word))
        };
        let listeners = listeners.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        Ok(Self::serve(None, plan, listeners))
    }

    fn serve(folder: Option<PathBuf>, plan: DoorPlan, listeners: Vec<Listener>) -> Self {
        let traffic = Arc::<Traffic>::default();
        let carrier = Arc::new(Carrier {
            hosts: plan.hosts,
            dialer: Dialer::new(plan.resolver, plan.private),
            denials: Denials::new(plan.watch),
            traffic: Arc::clone(&traffic),
        });
        let (closed, free) = (CancellationToken::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        for listener in listeners {
            let (carrier, closed, free) = (Arc::clone(&carrier), closed.clone(), Arc::clone(&free));
            let accepting = closed.clone();
            tokio::spawn(async move { accepting.run_until_cancelled(accept(listener, carrier, closed, free)).await });
        }
        Self { folder, traffic, _open: closed.drop_guard() }
    }

    /// The folder with the socket.
    #[cfg(feature = "runtime-docker")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(Path::new(""))
    }

    /// Bytes that the server sent, and bytes that it received.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        self.traffic.bytes()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            files::remove_folder(folder);
        }
    }
}

/// Listens in a folder that everybody may enter who sees it: only the server it is shown to does.
#[cfg(feature = "runtime-docker")]
fn listen(folder: &Path) -> Result<UnixListener> {
    let failed = |cause| {
        Error::new(ErrorKind::Io, "the socket for a server's connections cannot be made")
            .with_context("folder", folder.display())
            .with_source(cause)
    };
    let handle = files::create_shown(folder)?;
    // By the number of the open folder, because a socket's own path may have 107 bytes only.
    let short = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd())).join(SOCKET);
    let listener = std::os::unix::net::UnixListener::bind(&short).map_err(failed)?;
    files::open_to_all(&folder.join(SOCKET)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    UnixListener::from_std(listener).map_err(failed)
}

/// Where connections come from.
enum Listener {
    /// A socket in the file system; the first line of each connection says what it is for.
    #[cfg(feature = "runtime-docker")]
    Socket(UnixListener),
    /// A place where the server runs, which says what its connections are for.
    #[cfg(feature = "runtime-process")]
    Place(tokio::net::TcpListener, String),
}

async fn accept(listener: Listener, carrier: Arc<Carrier>, closed: CancellationToken, free: Arc<Semaphore>) {
    loop {
        // Beyond the bound, connections wait in the kernel's queue, which is bounded too.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let (carrier, closed) = (Arc::clone(&carrier), closed.clone());
        let accepted = match &listener {
            #[cfg(feature = "runtime-docker")]
            Listener::Socket(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(async move {
                    closed.run_until_cancelled(serve(&carrier, stream)).await;
                    drop(permit);
                });
            }),
            #[cfg(feature = "runtime-process")]
            Listener::Place(listener, word) => listener.accept().await.map(|(stream, _)| {
                let word = word.clone();
                tokio::spawn(async move {
                    closed.run_until_cancelled(serve_word(&carrier, Begun::new(stream), &word)).await;
                    drop(permit);
                });
            }),
        };
        if let Err(cause) = accepted {
            tracing::debug!(%cause, "a connection of a server was lost");
            // Out of descriptors, the next one would fail at once too.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
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
