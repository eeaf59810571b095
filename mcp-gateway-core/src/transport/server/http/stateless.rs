//! Requests that stand alone: each is answered on its own connection, and ends with it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::face::Face;
use super::guard::refusal;
use super::message::respond;
use super::stream;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Principal;
use crate::protocol::http::{MESSAGE_EVENT, header as names};
use crate::protocol::stateless::{RequestMeta, RoutingHeaders};
use crate::protocol::{ClientLink, Era, Message, ProtocolVersion, RawJson, RequestId, RpcError, code, may_hold};
use crate::transport::server::ClientRequest;

/// How many messages of one request may wait for a client that reads slowly.
const MAX_WAITING: usize = 256;
/// How many bytes of them.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Whether the headers say that a message belongs to the stateless era.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    let version = headers.get(names::PROTOCOL_VERSION).and_then(|value| value.to_str().ok());
    version.and_then(ProtocolVersion::from_date).is_some_and(|version| version.era() == Era::Stateless)
}

/// Whether a request says that it belongs to the stateless era.
pub(super) fn is_one(params: Option<&RawJson>) -> bool {
    let Some(params) = params else { return false };
    // Most requests of the other era do not even hold the word.
    may_hold(params.get(), "io.modelcontextprotocol/")
        && params.object().is_ok_and(|params| RequestMeta::is_in(&params))
}

/// The answer to what this era does not have.
pub(super) fn not_allowed() -> Response {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "in this version of the protocol everything is posted");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Carries out a request; answers with plain JSON when the answer is all there is to say, else with a stream.
///
/// A client that goes away cancels it.
pub(super) async fn answer(
    face: &Face,
    principal: Principal,
    headers: &HeaderMap,
    (id, method, params): (RequestId, String, Option<RawJson>),
) -> Response {
    let known = match face.principals.enter(face, principal).await {
        Ok(known) => known,
        Err(error) => {
            let full = matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Closed);
            let status = if full { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            return respond(status, &Message::response(id, Err(RpcError::from(&error))));
        }
    };
    let (sender, mut messages) = mpsc::channel(MAX_WAITING);
    let bytes = Arc::new(Semaphore::new(MAX_BYTES));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().ok()));
    let request = ClientRequest::new(id.clone(), method, params.clone(), Arc::new(StreamLink { sender, bytes }))
        .with_headers(RoutingHeaders::of(headers));
    let mut work: Work = Box::pin(async move { known.session().request(request).await });
    tokio::select! {
        biased;
        Some(first) = messages.recv() => {
            let ready = Some(first.text);
            stream::respond(events(Answering { id, work: Some(work), messages, ready, answer: None }))
        }
        result = &mut work => match messages.try_recv() {
            // What was said before the answer is heard before it.
            Ok(first) => {
                let answer = Some(Message::response(id.clone(), result).to_json());
                stream::respond(events(Answering { id, work: None, messages, ready: Some(first.text), answer }))
            }
            Err(_) => {
                let status = status(&result, params.as_ref());
                respond(status, &Message::response(id, result))
            }
        },
    }
}

type Work = Pin<Box<dyn Future<Output = Result<RawJson, RpcError>> + Send>>;

/// A request that has had something to say before its answer.
struct Answering {
    id: RequestId,
    work: Option<Work>,
    messages: mpsc::Receiver<Waiting>,
    ready: Option<String>,
    /// The answer, once it is there; it waits for what was said before it.
    answer: Option<String>,
}

impl Answering {
    /// The next message; the answer is the last one.
    async fn next(&mut self) -> Option<String> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        if let Some(work) = self.work.as_mut() {
            let result = tokio::select! {
                biased;
                Some(message) = self.messages.recv() => return Some(message.text),
                result = work => result,
            };
            self.work = None;
            self.answer = Some(Message::response(self.id.clone(), result).to_json());
        }
        match self.messages.try_recv() {
            Ok(message) => Some(message.text),
            Err(_) => self.answer.take(),
        }
    }
}

fn events(answering: Answering) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    futures_util::stream::unfold(answering, |mut answering| async {
        let message = answering.next().await?;
        Some((Ok(Event::default().event(MESSAGE_EVENT).data(message)), answering))
    })
}

fn status(result: &Result<RawJson, RpcError>, params: Option<&RawJson>) -> StatusCode {
    let Err(error) = result else { return StatusCode::OK };
    let is_incomplete = || {
        let params = params.and_then(|params| params.object().ok());
        params.is_none_or(|mut params| RequestMeta::take(&mut params).is_err())
    };
    match error.status() {
        200 if error.code == code::INVALID_PARAMS && is_incomplete() => StatusCode::BAD_REQUEST,
        status => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The way back of one request.
#[derive(Debug)]
struct StreamLink {
    sender: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

/// A message that waits for its client, with its share of the bytes that may.
struct Waiting {
    text: String,
    _share: OwnedSemaphorePermit,
}

#[async_trait]
impl ClientLink for StreamLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let behind = || Error::new(ErrorKind::Overloaded, "client does not read what it is sent");
        let text = Message::notification(method, params).to_json();
        // One that is too long for any client that is behind is still sent to one that is not.
        let share = u32::try_from(text.len().min(MAX_BYTES)).map_err(|_| behind())?;
        let share = Arc::clone(&self.bytes).try_acquire_many_owned(share).map_err(|_| behind())?;
        self.sender.try_send(Waiting { text, _share: share }).map_err(|error| match error {
            TrySendError::Full(_) => behind(),
            TrySendError::Closed(_) => Error::new(ErrorKind::Closed, "client is gone"),
        })
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

/// The answer to a notification, of which this era has none over HTTP that means anything.
pub(super) fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}
