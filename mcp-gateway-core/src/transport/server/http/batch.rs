//! Several messages as one array, which one version of the protocol had.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::message::{carry_out, deliver, respond};
use super::session::{HttpSession, MAX_IN_FLIGHT};
use crate::error::{Error, ErrorKind};
use crate::protocol::{Message, RpcError, code};
use crate::transport::server::refusal::not_a_message;

/// Answers with the answers as one array; what else the requests have to say comes by the session's stream.
pub(super) async fn answer(session: &Arc<HttpSession>, body: &[u8]) -> Response {
    let refused = |why: String| {
        let error = RpcError::new(code::INVALID_REQUEST, why);
        respond(StatusCode::BAD_REQUEST, &Message::Response { id: None, result: Err(error) })
    };
    if !session.has_batches() {
        return refused("this protocol version has no batches".to_owned());
    }
    let items: Vec<Box<RawValue>> = match serde_json::from_slice(body) {
        Ok(items) => items,
        Err(cause) => {
            let error = Error::new(ErrorKind::Protocol, "not a batch of messages").with_source(cause);
            return respond(StatusCode::BAD_REQUEST, &not_a_message(body, &error));
        }
    };
    if items.is_empty() || items.len() > MAX_IN_FLIGHT {
        return refused(format!("a batch has 1 to {MAX_IN_FLIGHT} messages"));
    }
    let _in_use = session.enter();
    let mut waiting = Vec::new();
    for item in &items {
        let item = item.get().as_bytes();
        match Message::parse(item) {
            Ok(Message::Request { id, method, params }) => {
                let (answered, answer) = oneshot::channel();
                carry_out(session, id, method, params, session.log(), move |text| {
                    // A client that is gone needs no answer.
                    let _ = answered.send(text);
                });
                waiting.push(answer);
            }
            Ok(message) => deliver(session, message).await,
            Err(error) => {
                let (answered, answer) = oneshot::channel();
                // The other end is right here.
                let _ = answered.send(not_a_message(item, &error).to_json());
                waiting.push(answer);
            }
        }
    }
    let answers: Vec<String> = join_all(waiting).await.into_iter().flatten().collect();
    if answers.is_empty() {
        return StatusCode::ACCEPTED.into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], format!("[{}]", answers.join(","))).into_response()
}
