//! Streamable HTTP: POST carries a message in, GET opens the session's stream, DELETE ends the session.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;

use super::builder::Face;
use super::event_log::{Event, EventLog, event_id, parse_event_id};
use super::guard::refusal;
use super::message::{carry_out, deliver, respond};
use super::sessions::{HttpSession, SessionUse};
use crate::error::ErrorKind;
use crate::model::Principal;
use crate::protocol::http::header as names;
use crate::protocol::{ClientHello, Message, ProtocolVersion, RawJson, RequestId, RpcError, code};
use crate::transport::server::refusal::not_a_message;

/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn post(State(face): State<Arc<Face>>, headers: HeaderMap, body: Bytes) -> Response {
    let principal = match face.guard.check(&headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    if let Some(refused) = check_headers(&headers) {
        return refused;
    }
    if body.first() == Some(&b'[') {
        return batch(&face, &headers, &principal, &body).await;
    }
    let message = match Message::parse(&body) {
        Ok(message) => message,
        Err(error) => return respond(StatusCode::BAD_REQUEST, &not_a_message(&body, &error)),
    };
    match message {
        Message::Request { id, method, params } if method == "initialize" => {
            initialize(&face, principal, id, params).await
        }
        Message::Request { id, method, params } => match find(&face, &headers, &principal) {
            Ok(session) => answer(&session, id, method, params).await,
            Err(refused) => refused,
        },
        message => match find(&face, &headers, &principal) {
            Ok(session) => {
                let _in_use = session.enter();
                deliver(&session, message).await;
                StatusCode::ACCEPTED.into_response()
            }
            Err(refused) => refused,
        },
    }
}

pub(super) async fn get(State(face): State<Arc<Face>>, headers: HeaderMap) -> Response {
    let principal = match face.guard.check(&headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    if !accepts(&headers, "text/event-stream") {
        return refusal(StatusCode::NOT_ACCEPTABLE, "accept must include text/event-stream");
    }
    let session = match find(&face, &headers, &principal) {
        Ok(session) => session,
        Err(refused) => return refused,
    };
    let resumed = headers.get(names::LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(parse_event_id);
    let (log, after) = match resumed {
        None => (Arc::clone(&session.log), session.log.last()),
        Some((stream, after)) => match session.stream(stream) {
            Some(log) => (log, after),
            None => return refusal(StatusCode::BAD_REQUEST, "the stream of this Last-Event-ID is not kept any more"),
        },
    };
    stream(&session, log, after)
}

pub(super) async fn delete(State(face): State<Arc<Face>>, headers: HeaderMap) -> Response {
    let principal = match face.guard.check(&headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    match find(&face, &headers, &principal) {
        Ok(session) => {
            face.sessions.remove(session.session.id());
            session.close().await;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => refused,
    }
}

async fn initialize(face: &Face, principal: Principal, id: RequestId, params: Option<RawJson>) -> Response {
    if !face.sessions.has_room() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
    }
    let requested = params.as_ref().and_then(|params| params.read::<ClientHello>().ok());
    let session = match HttpSession::open(face.host.as_ref(), principal, &face.profile).await {
        Ok(session) => session,
        Err(error) => {
            let full = matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Closed);
            let status = if full { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            return respond(status, &Message::response(id, Err(RpcError::from(&error))));
        }
    };
    let link = super::log_link::LogLink { log: Arc::clone(&session.log), pending: Arc::clone(&session.pending) };
    let result = session.session.request(id.clone(), "initialize".to_owned(), params, Arc::new(link)).await;
    if result.is_err() {
        session.close().await;
        return respond(StatusCode::BAD_REQUEST, &Message::response(id, result));
    }
    session.set_version(requested.map(|hello| ProtocolVersion::negotiate(&hello.protocol_version)));
    face.sessions.insert(&session);
    let mut response = respond(StatusCode::OK, &Message::response(id, result));
    if let Ok(id) = HeaderValue::from_str(session.session.id().as_str()) {
        response.headers_mut().insert(HeaderName::from_static(names::SESSION_ID), id);
    }
    response
}

/// Carries out a request; answers with plain JSON when the answer is all there is to say, else with a stream.
async fn answer(session: &Arc<HttpSession>, id: RequestId, method: String, params: Option<RawJson>) -> Response {
    let in_use = session.enter();
    let log = session.new_stream();
    let reader = log.attach();
    carry_out(session, id, method, params, Arc::clone(&log), true);
    let Some(first) = log.next(reader, 0).await else {
        return refusal(StatusCode::NOT_FOUND, "the session has ended");
    };
    if log.is_done() && log.last() == 1 {
        session.forget_stream(&log);
        return ([(header::CONTENT_TYPE, "application/json")], first.data).into_response();
    }
    event_stream(log, reader, Some(first), 0, in_use)
}

/// Several messages as one array, which one version of the protocol had.
async fn batch(face: &Face, headers: &HeaderMap, principal: &Principal, body: &[u8]) -> Response {
    let session = match find(face, headers, principal) {
        Ok(session) => session,
        Err(refused) => return refused,
    };
    let refused = |why: &str| {
        let error = RpcError::new(code::INVALID_REQUEST, why);
        respond(StatusCode::BAD_REQUEST, &Message::Response { id: None, result: Err(error) })
    };
    if !session.version().is_some_and(ProtocolVersion::has_batches) {
        return refused("this protocol version has no batches");
    }
    let Ok(items) = serde_json::from_slice::<Vec<Box<serde_json::value::RawValue>>>(body) else {
        return respond(
            StatusCode::BAD_REQUEST,
            &not_a_message(body, &crate::Error::new(ErrorKind::Protocol, "not JSON")),
        );
    };
    if items.is_empty() || items.len() > super::message::MAX_IN_FLIGHT {
        return refused("a batch has 1 to 128 messages");
    }
    let _in_use = session.enter();
    let mut answers = Vec::new();
    for item in &items {
        match Message::parse(item.get().as_bytes()) {
            Err(error) => answers.push(not_a_message(item.get().as_bytes(), &error).to_json()),
            Ok(Message::Request { id, method, params }) => {
                let log = session.new_stream();
                let reader = log.attach();
                carry_out(&session, id, method, params, Arc::clone(&log), true);
                // A batch has room for answers only; what else a request says comes by the session's stream in no version.
                let mut last = None;
                let mut after = 0;
                while let Some(event) = log.next(reader, after).await {
                    after = event.number;
                    last = Some(event.data);
                }
                session.forget_stream(&log);
                answers.extend(last);
            }
            Ok(message) => deliver(&session, message).await,
        }
    }
    if answers.is_empty() {
        return StatusCode::ACCEPTED.into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], format!("[{}]", answers.join(","))).into_response()
}

/// The rest of a log as server-sent events.
pub(super) fn stream(session: &Arc<HttpSession>, log: Arc<EventLog>, after: u64) -> Response {
    let reader = log.attach();
    event_stream(log, reader, None, after, session.enter())
}

fn event_stream(log: Arc<EventLog>, reader: u64, first: Option<Event>, after: u64, in_use: SessionUse) -> Response {
    let events = events(log, reader, first, after, in_use);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect output would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn events(
    log: Arc<EventLog>,
    reader: u64,
    first: Option<Event>,
    after: u64,
    in_use: SessionUse,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    futures_util::stream::unfold((log, first, after, in_use), move |(log, first, after, in_use)| async move {
        let event = match first {
            Some(event) => event,
            None => log.next(reader, after).await?,
        };
        let sent = SseEvent::default().id(event_id(log.id, event.number)).event("message").data(event.data);
        Some((Ok(sent), (log, None, event.number, in_use)))
    })
}

#[expect(clippy::result_large_err, reason = "the error is the response that is sent")]
fn find(face: &Face, headers: &HeaderMap, principal: &Principal) -> Result<Arc<HttpSession>, Response> {
    let Some(id) = headers.get(names::SESSION_ID) else {
        return Err(refusal(StatusCode::BAD_REQUEST, "Mcp-Session-Id is missing; begin with `initialize`"));
    };
    if let Some(version) = headers.get(names::PROTOCOL_VERSION)
        && version.to_str().ok().and_then(ProtocolVersion::from_date).is_none()
    {
        return Err(refusal(StatusCode::BAD_REQUEST, "MCP-Protocol-Version names a version that is not served"));
    }
    let id = id.to_str().unwrap_or_default();
    face.sessions
        .find(id, principal, &face.profile)
        .ok_or_else(|| refusal(StatusCode::NOT_FOUND, "no such session; begin again with `initialize`"))
}

fn check_headers(headers: &HeaderMap) -> Option<Response> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Some(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type must be application/json"));
    }
    let both = accepts(headers, "application/json") && accepts(headers, "text/event-stream");
    (!both).then(|| refusal(StatusCode::NOT_ACCEPTABLE, "accept must include application/json and text/event-stream"))
}

/// Whether `Accept` covers a media type; a wildcard covers all of its kind.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = wanted.split('/').next().unwrap_or_default();
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|media| {
            let media = media.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case(wanted) || media == "*/*" || media.eq_ignore_ascii_case(&format!("{kind}/*"))
        })
}
