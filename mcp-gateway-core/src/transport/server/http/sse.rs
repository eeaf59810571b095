//! HTTP+SSE for clients of protocol version 2024-11-05.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use super::face::Face;
use super::guard::refusal;
use super::message::{carry_out, deliver, respond};
use super::session::{HttpSession, SessionUse};
use super::{body, stream};
use crate::model::Principal;
use crate::protocol::Message;
use crate::protocol::http::ENDPOINT_EVENT;
use crate::transport::server::refusal::not_a_message;

/// Opens a session whose messages all come by this stream; losing the stream ends the session.
pub(super) async fn open(State(face): State<Arc<Face>>, Extension(principal): Extension<Principal>) -> Response {
    let session = match face.sessions.open(face.host.as_ref(), principal, &face.profile).await {
        Ok(session) => session,
        Err(error) => return refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    if let Err(error) = face.sessions.insert(&session) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
    }
    let address = format!("{}/message?sessionId={}", face.prefix, session.get().id());
    let reader = session.log().reader(None);
    let held = EndsSession { _in_use: session.enter(), face, session };
    let endpoint = Event::default().event(ENDPOINT_EVENT).data(address);
    let first = futures_util::stream::once(async { Ok(endpoint) });
    stream::respond(first.chain(stream::events(reader, held)))
}

/// Takes a message in; its answer comes by the stream.
pub(super) async fn message(
    State(face): State<Arc<Face>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::read(&headers, body, face.max_body_bytes).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let id = query.get("sessionId").map(String::as_str).unwrap_or_default();
    let Some(session) = face.sessions.find(id, &principal, &face.profile) else {
        return refusal(StatusCode::NOT_FOUND, "no such session; open the stream again");
    };
    match Message::take(&body) {
        Err(error) => return respond(StatusCode::BAD_REQUEST, &not_a_message(&body, &error)),
        Ok(Message::Request { id, method, params }) => {
            let log = Arc::clone(session.log());
            carry_out(&session, id, method, params, session.log(), move |answer| {
                // A log that has ended belongs to a client that is gone.
                let _ = log.push(answer);
            });
        }
        Ok(message) => deliver(&session, message).await,
    }
    StatusCode::ACCEPTED.into_response()
}

/// Ends the session when its stream is dropped.
struct EndsSession {
    face: Arc<Face>,
    session: Arc<HttpSession>,
    _in_use: SessionUse,
}

impl Drop for EndsSession {
    fn drop(&mut self) {
        self.face.sessions.remove(self.session.get().id());
        let session = Arc::clone(&self.session);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { session.close().await });
        }
    }
}
