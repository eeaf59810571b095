//! Streamable HTTP.

mod answer;
mod calls;
mod config;
mod events;
mod inbox;
mod listener;
mod redactor;
mod refusal;
mod session;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Connection, Diagnostics, INCOMING_CAPACITY, MessageSink};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::stateless::Routing;
use crate::protocol::{Message, RequestId, RpcError};
use answer::Answer;
use session::Sessions;

pub(super) use calls::{Calls, Place};
pub use config::HttpConfig;
pub(super) use events::EventStream;
pub(super) use inbox::Inbox;
use redactor::Redactor;
pub(super) use refusal::Refusal;
pub(super) use session::Session;
pub(super) use wire::Wire;

/// How many notifications and answers may be under way; apart from requests, which may be waiting for them.
const MAX_OTHERS: usize = 64;
/// How long a notification or an answer may take.
pub(super) const TELL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the server's own stream may take to open before the first request is sent all the same.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the end of a session may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a stream that has carried the answer is read on, so that its connection can be used again.
const REST_TIMEOUT: Duration = Duration::from_secs(2);

/// Speaks streamable HTTP; nothing is sent before the first message.
///
/// # Behavior
/// - Requests do not block each other; 64 may be under way, further ones wait in `send`.
/// - A request that fails in transport is answered with an error that says why; no answer is made up.
/// - A session that the server has forgotten is begun anew once, and the request is sent again once.
/// - After the handshake the server's own stream is read, where there is one, and taken up again when it breaks.
/// - A token that the server asks for is sent along, and renewed once when it is refused.
/// - A request that is cancelled by `notifications/cancelled` is no longer waited for.
/// - `close` ends the session; it waits two seconds at most.
///
/// # Errors
/// `InvalidConfig` when the address or a header cannot be right, `Denied` when the address must not be reached.
pub fn connect_http(config: HttpConfig, diagnostics: Arc<Diagnostics>) -> Result<Connection> {
    let wire = Wire::new(&config, Arc::clone(&diagnostics)).map_err(|error| error.with_operation("connect_http"))?;
    let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
    let inbox = Inbox::new(sender, wire.redactor().clone());
    let closed = CancellationToken::new();
    let shared = Arc::new(Shared {
        wire,
        sessions: Sessions::default(),
        inbox: Mutex::new(Some(inbox)),
        calls: Calls::new(closed.clone()),
        others: Semaphore::new(MAX_OTHERS),
        listening: Mutex::default(),
        activity: Arc::default(),
        closed,
    });
    Ok(Connection::new(Arc::new(HttpSink { shared }), incoming, diagnostics))
}

/// Sends messages by HTTP; the session ends with this value.
#[derive(Debug)]
struct HttpSink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    sessions: Sessions,
    inbox: Mutex<Option<Inbox>>,
    calls: Calls,
    others: Semaphore,
    listening: Mutex<CancellationToken>,
    activity: Arc<Notify>,
    closed: CancellationToken,
}

/// A request on its way.
#[derive(Debug)]
struct Call {
    id: RequestId,
    body: Bytes,
    is_handshake: bool,
    /// The headers of a request of the stateless era, which belongs to no session.
    routing: Option<Routing>,
}

#[async_trait]
impl MessageSink for HttpSink {
    async fn send(&self, message: &Message) -> Result<()> {
        let inbox = self.shared.inbox()?;
        let body = Bytes::from(message.to_json());
        match message {
            Message::Request { id, method, .. } => {
                let call = Call { id: id.clone(), body, is_handshake: method == "initialize", routing: None };
                self.shared.begin(call, inbox).await
            }
            Message::Notification { method, params } => {
                if method == "notifications/cancelled" {
                    self.shared.calls.abandon(params.as_ref());
                }
                self.shared.tell(body).await?;
                if method == "notifications/initialized" {
                    // A server that asks by its own stream would ask nobody before that is there.
                    let opened = self.shared.listen(inbox);
                    let _ = tokio::time::timeout(OPEN_TIMEOUT, opened).await;
                }
                Ok(())
            }
            Message::Response { .. } => self.shared.tell(body).await,
        }
    }

    async fn send_routed(&self, message: &Message, routing: &Routing) -> Result<()> {
        match message {
            Message::Request { id, .. } => {
                let body = Bytes::from(message.to_json());
                let routing = Some(routing.clone());
                let call = Call { id: id.clone(), body, is_handshake: false, routing };
                self.shared.begin(call, self.shared.inbox()?).await
            }
            // To cut the request's own connection is how it is cancelled.
            Message::Notification { params, .. } => {
                self.shared.calls.abandon(params.as_ref());
                Ok(())
            }
            Message::Response { .. } => self.send(message).await,
        }
    }

    async fn close(&self) {
        if self.shared.shut() {
            self.shared.end_session().await;
        }
    }
}

impl Drop for HttpSink {
    fn drop(&mut self) {
        if self.shared.shut()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move { shared.end_session().await });
        }
    }
}

impl Shared {
    /// Starts to bring one request to its answer, as soon as there is a place for it.
    async fn begin(self: &Arc<Self>, call: Call, inbox: Inbox) -> Result<()> {
        let (shared, id) = (Arc::clone(self), call.id.clone());
        self.calls.start(&id, |place| async move { shared.run(call, inbox, place).await }).await
    }

    /// Brings one request to its answer.
    async fn run(self: &Arc<Self>, call: Call, inbox: Inbox, place: Place) {
        let (result, rest) = match self.exchange(&call, &inbox).await {
            Ok(Answer { result, rest }) => {
                self.activity.notify_waiters();
                (result, rest)
            }
            Err(error) => (Err(RpcError::local(error)), None),
        };
        let delivered = inbox.deliver(Message::response(call.id, result)).await;
        drop(place);
        if delivered.is_ok()
            && let Some(mut rest) = rest
        {
            // Whatever the rest is, the answer has been given.
            let _ = tokio::time::timeout(REST_TIMEOUT, listener::drain(&mut rest, &inbox)).await;
        }
    }

    async fn exchange(self: &Arc<Self>, call: &Call, inbox: &Inbox) -> Result<Answer> {
        let stands_alone = call.is_handshake || call.routing.is_some();
        let mut session = if stands_alone { Session::default() } else { self.sessions.current() };
        let mut renewed = false;
        loop {
            let response = self.wire.post_routed(call.body.clone(), &session, call.routing.as_ref()).await?;
            if (200..300).contains(&response.status()) {
                if call.is_handshake {
                    session = Session::named_by(&response)?;
                }
                let answer = answer::read(&self.wire, &session, response, &call.id, inbox).await?;
                if call.is_handshake {
                    self.sessions.begin(session, &answer.result, &call.id, &call.body);
                }
                return Ok(answer);
            }
            let refusal = self.wire.refusal(response).await;
            if let Some(result) = refusal.answer_to(&call.id) {
                return Ok(Answer { result, rest: None });
            }
            if renewed || session.id.is_none() || !refusal.session_is_gone() {
                return Err(refusal.into_error());
            }
            let renewal = self.sessions.renew(&self.wire, &session, inbox).await?;
            if renewal.is_fresh {
                drop(self.listen(inbox.clone()));
            }
            session = renewal.session;
            renewed = true;
        }
    }

    /// Sends what has no answer, and waits until the server has taken it.
    async fn tell(&self, body: Bytes) -> Result<()> {
        let telling = async {
            let _permit = self.others.acquire().await.map_err(|_| closed())?;
            let response = self.wire.post(self.wire.url(), body, &self.sessions.current()).await?;
            if (200..300).contains(&response.status()) {
                return Ok(());
            }
            Err(self.wire.refusal(response).await.into_error())
        };
        tokio::select! {
            told = tokio::time::timeout(TELL_TIMEOUT, telling) => told.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Timeout, "server did not take the message in time"))
            }),
            () = self.closed.cancelled() => Err(closed()),
        }
    }

    /// Reads the server's own stream of the current session, in place of that of an earlier one; tells when it is open, or
    /// is known not to open at once.
    fn listen(self: &Arc<Self>, inbox: Inbox) -> oneshot::Receiver<()> {
        let (opened, is_open) = oneshot::channel();
        let stop = self.closed.child_token();
        std::mem::replace(&mut *locked(&self.listening), stop.clone()).cancel();
        let (shared, session) = (Arc::clone(self), self.sessions.current());
        tokio::spawn(async move {
            let activity = Arc::clone(&shared.activity);
            tokio::select! {
                () = stop.cancelled() => {}
                () = listener::listen(&shared.wire, session, inbox, activity, opened) => {}
            }
        });
        is_open
    }

    fn inbox(&self) -> Result<Inbox> {
        locked(&self.inbox).clone().ok_or_else(closed)
    }

    /// Stops everything that is under way; says whether this is the first time.
    fn shut(&self) -> bool {
        self.closed.cancel();
        locked(&self.inbox).take().is_some()
    }

    async fn end_session(&self) {
        let session = self.sessions.current();
        if session.id.is_some() {
            // A server that cannot be told will forget the session by itself.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.wire.delete(&session)).await;
        }
    }
}

/// Why nothing more can be sent.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "connection to the server is closed")
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
