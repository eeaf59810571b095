//! The client's end of a connection: requests with answers, and what the server sends by itself.

mod callers;
mod events;
mod greeting;
mod listening;
mod progress;
mod reading;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Connection, Diagnostics, MessageSink};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::stateless::{RequestMeta, Routing};
use crate::protocol::{
    ClientCapabilities, ClientHello, ClientLink, Era, Message, ProtocolVersion, RawJson, RawObject, RequestId,
    RpcError, ServerHello, code,
};
use crate::transport::PendingRequests;
use callers::Callers;
use progress::ProgressRoutes;

pub use events::{Caller, Cause, ServerEvents};
pub use greeting::Greeting;
pub use listening::Listening;

/// A request to a server.
#[derive(Debug)]
#[non_exhaustive]
pub struct PeerRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The parameters.
    pub params: RawObject,
    /// How long to wait for the answer; the time in which the caller is asked something does not count.
    pub timeout: Duration,
    /// Who receives progress; the server is asked for it only where someone does.
    pub progress: Option<(RawJson, Arc<dyn ClientLink>)>,
    /// Who waits for the answer.
    pub caller: Option<Arc<Caller>>,
    /// The input schema of the tool that is called; some of its arguments may have to be headers.
    pub schema: Option<RawJson>,
    /// Hears when a listening is acknowledged.
    acknowledged: Option<oneshot::Sender<()>>,
    /// The version to write it in; `None` for the one that was agreed on.
    version: Option<ProtocolVersion>,
}

impl<'a> PeerRequest<'a> {
    /// A request without progress and on nobody's behalf.
    pub fn new(method: &'a str, params: RawObject, timeout: Duration) -> Self {
        Self { method, params, timeout, progress: None, caller: None, schema: None, acknowledged: None, version: None }
    }
}

/// A connected server.
pub struct Peer {
    shared: Arc<Shared>,
    reader: CancellationToken,
    version: OnceLock<ProtocolVersion>,
    /// Whether the server was met in one era without having refused the other.
    doubtful: AtomicBool,
}

struct Shared {
    sink: Arc<dyn MessageSink>,
    has_handshake: bool,
    pending: PendingRequests,
    progress: ProgressRoutes,
    callers: Callers,
    listeners: listening::Acknowledged,
    diagnostics: Arc<Diagnostics>,
    closed: CancellationToken,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("pending", &self.shared.pending.len()).finish_non_exhaustive()
    }
}

impl Peer {
    /// Starts to read from the connection.
    pub fn new(connection: Connection, events: Arc<dyn ServerEvents>) -> Self {
        let shared = Arc::new(Shared {
            sink: connection.sink,
            has_handshake: connection.has_handshake,
            pending: PendingRequests::new(),
            progress: ProgressRoutes::default(),
            callers: Callers::default(),
            listeners: listening::Acknowledged::default(),
            diagnostics: connection.diagnostics,
            closed: CancellationToken::new(),
        });
        let reader = CancellationToken::new();
        tokio::spawn(reading::read(Arc::clone(&shared), connection.incoming, events, reader.clone()));
        Self { shared, reader, version: OnceLock::new(), doubtful: AtomicBool::new(false) }
    }

    /// Shakes hands as the session era does; the server is ready after this.
    ///
    /// # Errors
    /// `StartFailed`, with the server's last words, when it goes away first; `Timeout`; `Unsupported` when it belongs to
    /// the stateless era; `Protocol` when its answer is none.
    pub async fn initialize(&self, ctx: &CallContext, hello: &ClientHello, timeout: Duration) -> Result<ServerHello> {
        let params = hello.to_params()?.object()?;
        let answer = self.request(ctx, PeerRequest::new("initialize", params, timeout)).await;
        let result = match answer {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                let kind = match error.code {
                    code::UNSUPPORTED_VERSION => ErrorKind::Unsupported,
                    _ => ErrorKind::StartFailed,
                };
                return Err(self.explain(kind, "server refused the handshake").with_context("answer", error.message));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::ServerExited) => {
                return Err(self.explain(ErrorKind::StartFailed, "server exited before the handshake"));
            }
            Err(error) if error.kind() == ErrorKind::Timeout => {
                return Err(self
                    .explain(ErrorKind::Timeout, "server did not answer the handshake in time")
                    .with_context("waited", humantime::format_duration(timeout)));
            }
            Err(error) if error.kind() == ErrorKind::Protocol => {
                let refused = self.explain(ErrorKind::StartFailed, "server refused the handshake");
                return Err(refused.with_context("answer", error.to_string()).with_source(error));
            }
            Err(error) => return Err(error),
        };
        let hello = ServerHello::from_result(&result)?;
        self.agree(hello.version());
        self.notify("notifications/initialized", None).await?;
        Ok(hello)
    }

    /// The version that was agreed on; `None` before that.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.version.get().copied()
    }

    /// The version to meet this very server in the next time; `None` when it was not clear what it speaks beside it.
    pub fn known_version(&self) -> Option<ProtocolVersion> {
        self.version().filter(|_| !self.doubtful.load(Ordering::Relaxed))
    }

    /// The era of the server; that of sessions before anything was agreed on.
    pub fn era(&self) -> Era {
        self.version().map_or(Era::Session, ProtocolVersion::era)
    }

    /// Asks and waits for the answer; a caller that gives up tells the server so.
    ///
    /// # Errors
    /// `Cancelled`, `Timeout`, or why the connection ended.
    pub async fn request(&self, ctx: &CallContext, request: PeerRequest<'_>) -> Result<Result<RawJson, RpcError>> {
        let mut waiting = self.shared.pending.register()?;
        let id = waiting.id();
        let mut params = request.params;
        let _progress = self.shared.progress.begin(id, &mut params, request.progress);
        let _calling = self.shared.callers.enter(id, request.caller.as_ref());
        let _listening = self.shared.listeners.enter(id, request.acknowledged);
        let version = request.version.or(self.version()).filter(|version| version.era() == Era::Stateless);
        let routing = version.map(|version| {
            let routing = Routing::of(version, request.method, &params, request.schema.as_ref());
            let (capabilities, log_level) = match &request.caller {
                Some(caller) => (caller.capabilities.clone(), caller.log_level),
                None => (ClientCapabilities::none(), None),
            };
            RequestMeta::new(version, capabilities, log_level).stamp(&mut params);
            routing
        });
        let message = Message::request(RequestId::number(id), request.method, Some(params.to_raw()));
        let is_handshake = request.method == "initialize";
        let mut unanswered = CancelOnDrop { shared: &self.shared, id, routing, armed: !is_handshake };
        let asking = async {
            let sent = self.shared.send(&message, unanswered.routing.as_ref()).await;
            sent.map_err(|error| self.closed_error().unwrap_or(error))?;
            waiting.answer().await
        };
        let limit = request.timeout;
        let answer = match &request.caller {
            Some(caller) => ctx.bounded_by(limit, caller.pause.elapsed(limit), asking).await,
            None => ctx.bounded(limit, asking).await,
        };
        // Only a caller that stopped waiting has something to cancel.
        unanswered.armed &=
            matches!(&answer, Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout));
        match answer {
            Ok(Err(error)) => match error.into_local() {
                Ok(local) => Err(local),
                Err(error) => Ok(Err(error)),
            },
            answer => answer,
        }
    }

    /// The latest caller who can be asked something, once there is one; `None` when the connection ends before.
    pub async fn next_caller(&self) -> Option<Arc<Caller>> {
        tokio::select! {
            caller = self.shared.callers.next() => Some(caller),
            () = self.closed() => None,
        }
    }

    /// Tells the server something.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        self.shared.sink.send(&Message::notification(method, params)).await
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.is_cancelled()
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        self.shared.closed.cancelled().await;
    }

    /// Why the connection ended, with the server's last words; `None` while it is open.
    pub fn closed_error(&self) -> Option<Error> {
        self.is_closed().then(|| self.explain(ErrorKind::ServerExited, "server went away while the call was under way"))
    }

    /// Ends the connection; requests under way fail.
    pub async fn close(&self) {
        self.shared.sink.close().await;
        self.reader.cancel();
        self.closed().await;
    }

    fn agree(&self, version: Option<ProtocolVersion>) {
        if let Some(version) = version {
            // Agreed on once: a second greeting would be a second connection.
            let _ = self.version.set(version);
        }
    }

    fn explain(&self, kind: ErrorKind, message: &'static str) -> Error {
        self.shared.diagnostics.explain(kind, message)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.cancel();
    }
}

/// Tells the server that nobody waits any more, also when the waiting future itself is dropped.
struct CancelOnDrop<'a> {
    shared: &'a Arc<Shared>,
    id: u64,
    routing: Option<Routing>,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.armed || self.shared.closed.is_cancelled() {
            return;
        }
        let (Some(message), Ok(runtime)) = (Peer::cancelled(self.id), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (shared, routing) = (Arc::clone(self.shared), self.routing.take());
        runtime.spawn(async move {
            // A server that takes no more messages needs no cancelling.
            let _ = tokio::time::timeout(Duration::from_secs(5), shared.send(&message, routing.as_ref())).await;
        });
    }
}

impl Shared {
    async fn send(&self, message: &Message, routing: Option<&Routing>) -> Result<()> {
        match routing {
            Some(routing) => self.sink.send_routed(message, routing).await,
            None => self.sink.send(message).await,
        }
    }
}
