//! One message of an HTTP client on its way into its session.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::event_log::EventLog;
use super::session::HttpSession;
use crate::protocol::{Message, RawJson, RequestId, RpcError, code};
use crate::transport::server::ClientRequest;

/// A JSON-RPC message as an HTTP response.
pub(super) fn respond(status: StatusCode, message: &Message) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], message.to_json()).into_response()
}

/// Hands a notification or an answer to its session.
pub(super) async fn deliver(session: &HttpSession, message: Message) {
    match message {
        Message::Notification { method, params } => session.get().notification(method, params).await,
        Message::Response { id: Some(id), result } => {
            if !session.pending().resolve(&id, result) {
                tracing::debug!("client answered no request");
            }
        }
        Message::Response { id: None, .. } | Message::Request { .. } => {}
    }
}

/// Carries out a request in a task of its own, which hands its answer to `answered`.
///
/// The task goes on when the client's connection is lost, as the session era wants it; ending the session ends it.
pub(super) fn carry_out(
    session: &Arc<HttpSession>,
    id: RequestId,
    method: String,
    params: Option<RawJson>,
    log: &Arc<EventLog>,
    answered: impl FnOnce(String) + Send + 'static,
) {
    let place = match session.in_flight.enter(&id) {
        Ok(place) => place,
        Err(refused) => return answered(Message::response(id, Err(refused)).to_json()),
    };
    let (link, in_use, session) = (Arc::new(session.link(log)), session.enter(), Arc::clone(session));
    let tasks = session.tasks.clone();
    tasks.spawn(async move {
        let answering = session.get().request(ClientRequest::new(id.clone(), method, params, link));
        let result = tokio::select! {
            biased;
            result = answering => result,
            () = session.ended() => Err(RpcError::new(code::UNAVAILABLE, "the session has ended")),
        };
        // The id is free before the client can know the answer.
        drop(place);
        answered(Message::response(id, result).to_json());
        drop(in_use);
    });
}
