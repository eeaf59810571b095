//! Streamable HTTP: POST carries a message in, GET opens the session's stream, DELETE ends the session.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::event_log::parse_event_id;
use super::face::Face;
use super::guard::refusal;
use super::message::{carry_out, deliver, respond};
use super::session::HttpSession;
use super::{batch, body, stateless, stream};
use crate::error::ErrorKind;
use crate::model::Principal;
use crate::protocol::http::{EVENT_STREAM, header as names};
use crate::protocol::{Message, ProtocolVersion, RawJson, RequestId, RequestKind, RpcError, ServerHello, code};
use crate::transport::server::ClientRequest;
use crate::transport::server::refusal::not_a_message;

pub(super) async fn post(
    State(face): State<Arc<Face>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !(accepts(&headers, "application/json") && accepts(&headers, EVENT_STREAM)) {
        let why = "accept must include application/json and text/event-stream";
        return refusal(StatusCode::NOT_ACCEPTABLE, why);
    }
    let body = match body::read(&headers, body, face.max_body_bytes).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let body = body.slice_ref(body.trim_ascii());
    let is_announced = stateless::is_announced(&headers);
    match Message::take(&body) {
        Ok(Message::Request { id, method, params }) if is_announced || stateless::is_one(params.as_ref()) => {
            stateless::answer(&face, principal, &headers, (id, method, params)).await
        }
        Ok(Message::Notification { .. }) if is_announced => stateless::accepted(),
        message => in_session(&face, principal, &headers, &body, message).await,
    }
}

/// Takes a message of the session era.
async fn in_session(
    face: &Arc<Face>,
    principal: Principal,
    headers: &HeaderMap,
    body: &[u8],
    message: crate::error::Result<Message>,
) -> Response {
    let session = find(face, headers, &principal);
    if body.first() == Some(&b'[') {
        return match session {
            Ok(session) => batch::answer(&session, body).await,
            Err(refused) => refused.into_response(),
        };
    }
    match (message, session) {
        (Err(error), _) => respond(StatusCode::BAD_REQUEST, &not_a_message(body, &error)),
        (Ok(Message::Request { id, method, params }), _) if method == "initialize" => {
            initialize(face, principal, id, params).await
        }
        (Ok(Message::Request { id, method, params }), Ok(session)) => answer(&session, id, method, params).await,
        (Ok(Message::Request { id, method, .. }), Err(refused)) => refused.answer(id, &method),
        (Ok(_), Err(refused)) => refused.into_response(),
        (Ok(message), Ok(session)) => {
            let _in_use = session.enter();
            deliver(&session, message).await;
            StatusCode::ACCEPTED.into_response()
        }
    }
}

pub(super) async fn get(
    State(face): State<Arc<Face>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Response {
    if stateless::is_announced(&headers) {
        return stateless::not_allowed();
    }
    if !accepts(&headers, EVENT_STREAM) {
        return refusal(StatusCode::NOT_ACCEPTABLE, "accept must include text/event-stream");
    }
    let session = match find(&face, &headers, &principal) {
        Ok(session) => session,
        Err(refused) => return refused.into_response(),
    };
    let reader = match headers.get(names::LAST_EVENT_ID) {
        None => session.log().reader(None),
        Some(id) => {
            let known = id.to_str().ok().and_then(parse_event_id);
            match known.and_then(|(stream, after)| Some((session.stream(stream)?, after))) {
                // Some clients would come back every second for what has ended; this is how they are told to stop.
                Some((log, after)) if log.has_ended_by(after) => return stateless::not_allowed(),
                Some((log, after)) => log.reader(Some(after)),
                None => return refusal(StatusCode::BAD_REQUEST, "the stream of this Last-Event-ID is not kept"),
            }
        }
    };
    stream::respond(stream::events(reader, session.enter()))
}

pub(super) async fn delete(
    State(face): State<Arc<Face>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Response {
    if stateless::is_announced(&headers) {
        return stateless::not_allowed();
    }
    match find(&face, &headers, &principal) {
        Ok(session) => {
            face.sessions.remove(session.get().id());
            session.close().await;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

async fn initialize(face: &Face, principal: Principal, id: RequestId, params: Option<RawJson>) -> Response {
    let session = match face.sessions.open(face.host.as_ref(), principal, &face.profile).await {
        Ok(session) => session,
        Err(error) => {
            let full = matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Closed);
            let status = if full { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            return respond(status, &Message::response(id, Err(RpcError::from(&error))));
        }
    };
    let link = Arc::new(session.link(session.log()));
    let request = ClientRequest::new(id.clone(), "initialize", params, link);
    let result = session.get().request(request).await;
    let hello = match &result {
        Ok(result) => ServerHello::from_result(result),
        Err(error) if error.code == code::UNAVAILABLE => {
            return respond(StatusCode::SERVICE_UNAVAILABLE, &Message::response(id, result));
        }
        Err(_) => return respond(StatusCode::BAD_REQUEST, &Message::response(id, result)),
    };
    session.set_version(hello.ok().and_then(|hello| ProtocolVersion::from_date(&hello.protocol_version)));
    if let Err(error) = face.sessions.insert(&session) {
        return respond(StatusCode::SERVICE_UNAVAILABLE, &Message::response(id, Err(RpcError::from(&error))));
    }
    let mut response = respond(StatusCode::OK, &Message::response(id, result));
    if let Ok(id) = HeaderValue::from_str(session.get().id().as_str()) {
        response.headers_mut().insert(HeaderName::from_static(names::SESSION_ID), id);
    }
    response
}

/// Carries out a request; answers with plain JSON when the answer is all there is to say, else with a stream.
async fn answer(session: &Arc<HttpSession>, id: RequestId, method: String, params: Option<RawJson>) -> Response {
    let in_use = session.enter();
    let log = session.new_stream();
    let whole = Arc::clone(&log);
    carry_out(session, id, method, params, &log, move |answer| whole.push_last(answer));
    if !log.wait().await {
        return refusal(StatusCode::NOT_FOUND, "the session has ended");
    }
    if let Some(answer) = log.only() {
        session.forget_stream(&log);
        return ([(header::CONTENT_TYPE, "application/json")], answer).into_response();
    }
    stream::respond(stream::events(log.reader(None), in_use))
}

/// Why a request belongs to no session.
#[derive(Debug)]
struct NoSession {
    status: StatusCode,
    why: &'static str,
}

impl NoSession {
    /// The answer to a request; one of another era is told so, for its client falls back then.
    fn answer(self, id: RequestId, method: &str) -> Response {
        let is_known = method == "ping" || RequestKind::from_method(method).is_some();
        let error =
            if is_known { RpcError::new(code::INVALID_REQUEST, self.why) } else { RpcError::method_not_found(method) };
        respond(self.status, &Message::response(id, Err(error)))
    }
}

impl IntoResponse for NoSession {
    fn into_response(self) -> Response {
        refusal(self.status, self.why)
    }
}

fn find(face: &Face, headers: &HeaderMap, principal: &Principal) -> Result<Arc<HttpSession>, NoSession> {
    let wrong = |status, why| Err(NoSession { status, why });
    let Some(id) = headers.get(names::SESSION_ID) else {
        return wrong(StatusCode::BAD_REQUEST, "Mcp-Session-Id is missing; begin with `initialize`");
    };
    if let Some(version) = headers.get(names::PROTOCOL_VERSION)
        && version.to_str().ok().and_then(ProtocolVersion::from_date).is_none()
    {
        return wrong(StatusCode::BAD_REQUEST, "MCP-Protocol-Version names a version that is not served");
    }
    match face.sessions.find(id.to_str().unwrap_or_default(), principal, &face.profile) {
        Some(session) => Ok(session),
        None => wrong(StatusCode::NOT_FOUND, "no such session; begin again with `initialize`"),
    }
}

/// Whether `Accept` covers a media type; a wildcard covers all of its kind.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = wanted.split('/').next().unwrap_or_default();
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|media| {
        let media = media.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case(wanted) || media == "*/*" || media.eq_ignore_ascii_case(&format!("{kind}/*"))
    })
}
