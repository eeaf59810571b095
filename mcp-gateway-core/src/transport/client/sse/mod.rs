//! HTTP+SSE, as protocol version 2024-11-05 has it: messages come on one stream and are posted elsewhere.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::http::{Calls, EventStream, HttpConfig, Inbox, Place, Session, TELL_TIMEOUT, Wire, closed, locked};
use super::{Connection, Diagnostics, INCOMING_CAPACITY, MessageSink};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::http::ENDPOINT_EVENT;
use crate::protocol::{Message, RequestId, RpcError};
use crate::util::http::{host, same_origin};

/// How long the server may take to say where messages are to be posted.
const ENDPOINT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Speaks HTTP+SSE; returns once the server has said where messages are to be posted.
///
/// # Behavior
/// - Messages are posted to the origin that the stream came from and nowhere else.
/// - Requests do not block each other; 64 may be under way, further ones wait in `send`.
/// - A request that the server does not take is answered with an error that says why.
/// - The connection is closed when the stream ends: there is no way to take it up again.
///
/// # Errors
/// `InvalidConfig` when the address or a header cannot be right, `Denied` when the address must not be reached,
/// `Network`, `Unauthorized`, `Timeout`, `Protocol` when the server does not offer this transport.
pub async fn connect_sse(config: HttpConfig, diagnostics: Arc<Diagnostics>) -> Result<Connection> {
    let opening = open(&config, &diagnostics);
    let opened = tokio::time::timeout(ENDPOINT_TIMEOUT, opening).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, "server did not say in time where messages are to be posted"))
    });
    let (wire, stream, endpoint) = opened.map_err(|error| error.with_operation("connect_sse"))?;
    let (sender, incoming) = mpsc::channel(INCOMING_CAPACITY);
    let inbox = Inbox::new(sender, wire.redactor().clone());
    let closed = CancellationToken::new();
    let shared = Arc::new(Shared {
        wire,
        endpoint,
        inbox: Mutex::new(Some(inbox.clone())),
        calls: Calls::new(closed.clone()),
        closed,
    });
    tokio::spawn(read(Arc::clone(&shared), stream, inbox, Arc::clone(&diagnostics)));
    Ok(Connection::new(Arc::new(SseSink { shared }), incoming, diagnostics).with_handshake())
}

/// Opens the stream and waits for its first word.
async fn open(config: &HttpConfig, diagnostics: &Arc<Diagnostics>) -> Result<(Wire, EventStream, Url)> {
    let wire = Wire::new(config, Arc::clone(diagnostics))?;
    let response = wire.get(&Session::default(), None).await?;
    if !EventStream::is_one(&response) {
        let is_success = (200..300).contains(&response.status());
        let media_type = wire.excerpt(response.media_type().as_bytes());
        let error = wire.refusal(response).await.into_error();
        return Err(if is_success {
            Error::new(ErrorKind::Protocol, format!("server answered with `{media_type}` instead of an event stream"))
                .with_hint("a server that speaks streamable HTTP is configured with `transport_type: streamable-http`")
        } else {
            error
        });
    }
    let mut stream = EventStream::new(response, wire.max_message_bytes(), None);
    loop {
        match stream.next().await? {
            Some(event) if event.name == ENDPOINT_EVENT => {
                let endpoint = endpoint(stream.url(), &event.data)?;
                return Ok((wire, stream, endpoint));
            }
            Some(_) => {}
            None => return Err(protocol("server closed the stream before it said where messages are to be posted")),
        }
    }
}

/// Where messages are posted; a server cannot send them, with their secrets, to somebody else.
fn endpoint(stream: &Url, data: &[u8]) -> Result<Url> {
    let endpoint = std::str::from_utf8(data)
        .ok()
        .and_then(|text| stream.join(text.trim()).ok())
        .ok_or_else(|| protocol("server names what is no address for messages"))?;
    if !same_origin(stream, &endpoint) {
        return Err(Error::new(ErrorKind::Denied, "server wants messages posted to another server")
            .with_context("host", host(stream))
            .with_context("to", host(&endpoint)));
    }
    Ok(endpoint)
}

fn protocol(why: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, why)
}

/// Posts messages; the stream ends with this value.
#[derive(Debug)]
struct SseSink {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    endpoint: Url,
    inbox: Mutex<Option<Inbox>>,
    calls: Calls,
    closed: CancellationToken,
}

#[async_trait]
impl MessageSink for SseSink {
    async fn send(&self, message: &Message) -> Result<()> {
        let inbox = locked(&self.shared.inbox).clone().ok_or_else(closed)?;
        let body = Bytes::from(message.to_json());
        match message {
            Message::Request { id, .. } => {
                let (shared, request) = (Arc::clone(&self.shared), id.clone());
                self.shared.calls.start(id, |place| async move { shared.run(request, body, inbox, place).await }).await
            }
            Message::Notification { method, params } => {
                if method == "notifications/cancelled" {
                    self.shared.calls.abandon(params.as_ref());
                }
                self.shared.tell(body).await
            }
            Message::Response { .. } => self.shared.tell(body).await,
        }
    }

    async fn close(&self) {
        self.shared.shut();
    }
}

impl Drop for SseSink {
    fn drop(&mut self) {
        self.shared.shut();
    }
}

impl Shared {
    /// Posts a request; its answer comes on the stream, unless the server does not take it.
    async fn run(&self, id: RequestId, body: Bytes, inbox: Inbox, place: Place) {
        if let Err(error) = self.post(body).await {
            // Nobody waits for the answer once the connection is closed.
            let _ = inbox.deliver(Message::response(id, Err(RpcError::local(error)))).await;
        }
        drop(place);
    }

    async fn tell(&self, body: Bytes) -> Result<()> {
        tokio::select! {
            told = tokio::time::timeout(TELL_TIMEOUT, self.post(body)) => told.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Timeout, "server did not take the message in time"))
            }),
            () = self.closed.cancelled() => Err(closed()),
        }
    }

    async fn post(&self, body: Bytes) -> Result<()> {
        let response = self.wire.post(&self.endpoint, body, &Session::default()).await?;
        if (200..300).contains(&response.status()) {
            return Ok(());
        }
        Err(self.wire.refusal(response).await.into_error())
    }

    fn shut(&self) {
        self.closed.cancel();
        locked(&self.inbox).take();
    }
}

/// Hands on what the stream carries; the connection ends with the stream.
async fn read(shared: Arc<Shared>, mut stream: EventStream, inbox: Inbox, diagnostics: Arc<Diagnostics>) {
    let reading = async {
        loop {
            match stream.next().await {
                Ok(Some(event)) => {
                    if inbox.deliver_event(&event).await.is_err() {
                        return;
                    }
                }
                Ok(None) => {
                    return diagnostics.set_closed(Error::new(ErrorKind::Closed, "server closed the event stream"));
                }
                Err(error) => return diagnostics.set_closed(error),
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = shared.closed.cancelled() => {}
    }
    shared.shut();
}

#[cfg(test)]
mod tests;
