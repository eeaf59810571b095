//! The client's end of a connection: requests with answers, and what the server sends by itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Connection, Diagnostics, MessageSink};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::{ClientHello, ClientLink, Message, RawJson, RawObject, RequestId, RpcError, ServerHello};
use crate::transport::PendingRequests;

/// Receives what a server sends by itself.
#[async_trait]
pub trait ServerEvents: fmt::Debug + Send + Sync + 'static {
    /// Answers a request of the server, such as `sampling/createMessage`.
    async fn request(&self, method: String, params: Option<RawJson>) -> Result<RawJson, RpcError>;

    /// Takes a notification that belongs to no single request.
    async fn notification(&self, method: String, params: Option<RawJson>);
}

/// A request to a server.
#[derive(Debug)]
#[non_exhaustive]
pub struct PeerRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The parameters.
    pub params: RawObject,
    /// How long to wait for the answer.
    pub timeout: Duration,
    /// Who receives progress; the server is asked for it only where someone does.
    pub progress: Option<(RawJson, Arc<dyn ClientLink>)>,
}

impl<'a> PeerRequest<'a> {
    /// A request without progress.
    pub fn new(method: &'a str, params: RawObject, timeout: Duration) -> Self {
        Self { method, params, timeout, progress: None }
    }
}

/// The most requests of a server that are answered at the same time.
const MAX_SERVER_REQUESTS: usize = 64;

/// A connected server.
pub struct Peer {
    shared: Arc<Shared>,
    reader: CancellationToken,
}

/// Who hears of the progress of which request, under the token that they gave.
type ProgressRoutes = HashMap<u64, (RawJson, Arc<dyn ClientLink>)>;

struct Shared {
    sink: Arc<dyn MessageSink>,
    pending: PendingRequests,
    progress: Mutex<ProgressRoutes>,
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
            pending: PendingRequests::new(),
            progress: Mutex::default(),
            diagnostics: connection.diagnostics,
            closed: CancellationToken::new(),
        });
        let reader = CancellationToken::new();
        tokio::spawn(read(Arc::clone(&shared), connection.incoming, events, reader.clone()));
        Self { shared, reader }
    }

    /// Shakes hands; the server is ready after this.
    ///
    /// # Errors
    /// `StartFailed`, with the server's last words, when it goes away first; `Timeout`; `Protocol` when its answer is none.
    pub async fn initialize(&self, ctx: &CallContext, hello: &ClientHello, timeout: Duration) -> Result<ServerHello> {
        let params = hello.to_params()?.object()?;
        let answer = self.request(ctx, PeerRequest::new("initialize", params, timeout)).await;
        let failed = |message| self.shared.diagnostics.explain(ErrorKind::StartFailed, message);
        let result = match answer {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                return Err(failed("server refused the handshake").with_context("answer", error.message));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::ServerExited) => {
                return Err(failed("server exited before the handshake"));
            }
            Err(error) if error.kind() == ErrorKind::Timeout => {
                return Err(self
                    .shared
                    .diagnostics
                    .explain(ErrorKind::Timeout, "server did not answer the handshake in time")
                    .with_context("waited", humantime::format_duration(timeout)));
            }
            Err(error) => return Err(error),
        };
        let hello = ServerHello::from_result(&result)?;
        self.notify("notifications/initialized", None).await?;
        Ok(hello)
    }

    /// Asks and waits for the answer; a caller that gives up tells the server so.
    ///
    /// # Errors
    /// `Cancelled`, `Timeout`, or why the connection ended.
    pub async fn request(&self, ctx: &CallContext, request: PeerRequest<'_>) -> Result<Result<RawJson, RpcError>> {
        let mut waiting = self.shared.pending.register()?;
        let id = waiting.id();
        let mut params = request.params;
        let _progress = self.route_progress(id, &mut params, request.progress);
        let message = Message::request(RequestId::number(id), request.method, Some(params.to_raw()));
        let mut unanswered = CancelOnDrop { shared: &self.shared, id, armed: request.method != "initialize" };
        let answer = ctx
            .bounded(request.timeout, async {
                self.shared.sink.send(&message).await.map_err(|error| self.closed_error().unwrap_or(error))?;
                waiting.answer().await
            })
            .await;
        // Only a caller that stopped waiting has something to cancel.
        unanswered.armed &=
            matches!(&answer, Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout));
        answer
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
        self.is_closed().then(|| {
            self.shared.diagnostics.explain(ErrorKind::ServerExited, "server went away while the call was under way")
        })
    }

    /// Ends the connection; requests under way fail.
    pub async fn close(&self) {
        self.shared.sink.close().await;
        self.reader.cancel();
        self.closed().await;
    }

    fn route_progress(
        &self,
        id: u64,
        params: &mut RawObject,
        progress: Option<(RawJson, Arc<dyn ClientLink>)>,
    ) -> Option<ProgressRoute<'_>> {
        let mut meta = params.get("_meta").and_then(|meta| meta.object().ok()).unwrap_or_default();
        let had_token = meta.remove("progressToken").is_some();
        let route = progress.map(|(token, link)| {
            self.shared.progress_locked().insert(id, (token, link));
            if let Ok(token) = RawJson::from_value(&id) {
                meta.set("progressToken", token);
            }
            ProgressRoute { shared: &self.shared, id }
        });
        if meta.is_empty() {
            if had_token {
                params.remove("_meta");
            }
        } else {
            params.set("_meta", meta.to_raw());
        }
        route
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.reader.cancel();
    }
}

struct ProgressRoute<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for ProgressRoute<'_> {
    fn drop(&mut self) {
        self.shared.progress_locked().remove(&self.id);
    }
}

/// Tells the server that nobody waits any more, also when the waiting future itself is dropped.
struct CancelOnDrop<'a> {
    shared: &'a Arc<Shared>,
    id: u64,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if !self.armed || self.shared.closed.is_cancelled() {
            return;
        }
        let Ok(params) =
            RawJson::from_value(&serde_json::json!({"requestId": self.id, "reason": "the caller gave up"}))
        else {
            return;
        };
        let sink = Arc::clone(&self.shared.sink);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let message = Message::notification("notifications/cancelled", Some(params));
                // A server that takes no more messages needs no cancelling.
                let _ = tokio::time::timeout(Duration::from_secs(5), sink.send(&message)).await;
            });
        }
    }
}

impl Shared {
    fn progress_locked(&self) -> std::sync::MutexGuard<'_, ProgressRoutes> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(
    shared: Arc<Shared>,
    mut incoming: mpsc::Receiver<Message>,
    events: Arc<dyn ServerEvents>,
    stop: CancellationToken,
) {
    let answering = Arc::new(tokio::sync::Semaphore::new(MAX_SERVER_REQUESTS));
    loop {
        let message = tokio::select! {
            message = incoming.recv() => message,
            () = stop.cancelled() => None,
        };
        match message {
            None => break,
            Some(Message::Response { id: Some(id), result }) => {
                if !shared.pending.resolve(&id, result) {
                    tracing::debug!(?id, "answer to no request");
                }
            }
            Some(Message::Response { id: None, .. }) => tracing::debug!("answer without an id"),
            Some(Message::Notification { method, params }) if method == "notifications/progress" => {
                progress(&shared, params).await;
            }
            Some(Message::Notification { method, params }) => events.notification(method, params).await,
            Some(Message::Request { id, method, params }) => {
                let Ok(permit) = Arc::clone(&answering).try_acquire_owned() else {
                    let busy = RpcError::new(crate::protocol::code::UNAVAILABLE, "too many requests from this server");
                    let _ = shared.sink.send(&Message::response(id, Err(busy))).await;
                    continue;
                };
                let (events, shared) = (Arc::clone(&events), Arc::clone(&shared));
                tokio::spawn(async move {
                    let result = tokio::select! {
                        result = events.request(method, params) => result,
                        () = shared.closed.cancelled() => return,
                    };
                    // A server that is gone needs no answer.
                    let _ = shared.sink.send(&Message::response(id, result)).await;
                    drop(permit);
                });
            }
        }
    }
    shared.closed.cancel();
    let error = shared.diagnostics.explain(ErrorKind::ServerExited, "server went away while the call was under way");
    shared.pending.close(&error);
    shared.progress_locked().clear();
    shared.sink.close().await;
}

/// Hands progress to whoever asked for it, under the token that they gave; progress nobody asked for is dropped.
async fn progress(shared: &Shared, params: Option<RawJson>) {
    let Some(mut params) = params.and_then(|params| params.object().ok()) else { return };
    let Some(id) = params.get("progressToken").and_then(|token| token.read::<u64>().ok()) else { return };
    let Some((token, link)) = shared.progress_locked().get(&id).cloned() else { return };
    params.set("progressToken", token);
    // A client that does not keep up loses progress, never an answer.
    let _ = link.notify("notifications/progress", Some(params.to_raw())).await;
}
