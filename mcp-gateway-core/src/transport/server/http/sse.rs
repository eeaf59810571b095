//! HTTP+SSE for clients of protocol version 2024-11-05.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use super::builder::Face;
use super::guard::refusal;
use super::message::{carry_out, deliver, respond};
use super::sessions::HttpSession;
use crate::protocol::Message;
use crate::transport::server::refusal::not_a_message;

/// Opens a session whose messages all come by this stream; losing the stream ends the session.
pub(super) async fn open(State(face): State<Arc<Face>>, headers: HeaderMap) -> Response {
    let principal = match face.guard.check(&headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    if !face.sessions.has_room() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many sessions are open");
    }
    let session = match HttpSession::open(face.host.as_ref(), principal, &face.profile).await {
        Ok(session) => session,
        Err(error) => return refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    face.sessions.insert(&session);
    let address = format!("{}/message?sessionId={}", face.prefix, session.session.id());
    let endpoint = SseEvent::default().event("endpoint").data(address);
    let reader = session.log.attach();
    let guard = EndsSession { face: Arc::clone(&face), session: Arc::clone(&session) };
    let messages = futures_util::stream::unfold((guard, 0), move |(guard, after)| async move {
        let event = guard.session.log.next(reader, after).await?;
        let sent = SseEvent::default().event("message").data(event.data);
        Some((Ok::<_, Infallible>(sent), (guard, event.number)))
    });
    let events = futures_util::stream::once(async { Ok(endpoint) }).chain(messages);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Takes a message in; its answer comes by the stream.
pub(super) async fn message(
    State(face): State<Arc<Face>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let principal = match face.guard.check(&headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    let id = query.get("sessionId").map(String::as_str).unwrap_or_default();
    let Some(session) = face.sessions.find(id, &principal, &face.profile) else {
        return refusal(StatusCode::NOT_FOUND, "no such session; open the stream again");
    };
    let _in_use = session.enter();
    match Message::parse(&body) {
        Err(error) => return respond(StatusCode::BAD_REQUEST, &not_a_message(&body, &error)),
        Ok(Message::Request { id, method, params }) => {
            carry_out(&session, id, method, params, Arc::clone(&session.log), false);
        }
        Ok(message) => deliver(&session, message).await,
    }
    StatusCode::ACCEPTED.into_response()
}

/// Ends the session when its stream is dropped.
struct EndsSession {
    face: Arc<Face>,
    session: Arc<HttpSession>,
}

impl Drop for EndsSession {
    fn drop(&mut self) {
        self.face.sessions.remove(self.session.session.id());
        let session = Arc::clone(&self.session);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { session.close().await });
        }
    }
}
