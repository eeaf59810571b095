//! One message of an HTTP client on its way into its session.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::event_log::EventLog;
use super::log_link::LogLink;
use super::sessions::HttpSession;
use crate::protocol::{Message, RawJson, RequestId, RpcError};
use crate::transport::server::refusal::too_many;

/// How many requests of one session may be under way.
pub(super) const MAX_IN_FLIGHT: usize = 128;

/// A JSON-RPC message as an HTTP response.
pub(super) fn respond(status: StatusCode, message: &Message) -> Response {
    (status, [("content-type", "application/json")], message.to_json()).into_response()
}

/// Hands a notification or an answer to its session.
pub(super) async fn deliver(session: &HttpSession, message: Message) {
    match message {
        Message::Notification { method, params } => session.session.notification(method, params).await,
        Message::Response { id: Some(id), result } => {
            if !session.pending.resolve(&id, result) {
                tracing::debug!("client answered no request");
            }
        }
        Message::Response { id: None, .. } | Message::Request { .. } => {}
    }
}

/// Carries out a request in a task of its own and writes its answer to the log as the last event.
///
/// The task goes on when the client's connection is lost, as the session era wants it; ending the session ends it.
pub(super) fn carry_out(
    session: &Arc<HttpSession>,
    id: RequestId,
    method: String,
    params: Option<RawJson>,
    log: Arc<EventLog>,
    ends_log: bool,
) {
    let session = Arc::clone(session);
    let in_use = session.enter();
    let before = session.in_flight.fetch_add(1, Ordering::AcqRel);
    tokio::spawn(async move {
        let result: Result<RawJson, RpcError> = if before < MAX_IN_FLIGHT {
            let link = Arc::new(LogLink { log: Arc::clone(&log), pending: Arc::clone(&session.pending) });
            session.session.request(id.clone(), method, params, link).await
        } else {
            Err(too_many(MAX_IN_FLIGHT))
        };
        session.in_flight.fetch_sub(1, Ordering::AcqRel);
        // A log that has ended belongs to a session that has ended.
        let _ = log.push(Message::response(id, result).to_json());
        if ends_log {
            log.finish();
        }
        drop(in_use);
    });
}
