//! What comes from a server, sorted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::events::{Cause, ServerEvents};
use crate::error::ErrorKind;
use crate::protocol::stateless::ACKNOWLEDGED;
use crate::protocol::{Message, RawJson, RequestId, RpcError, code};
use crate::transport::client::Incoming;

/// The most requests of a server that are answered at the same time.
const MAX_SERVER_REQUESTS: usize = 64;

/// The requests of a server that are being answered.
type Answering = Arc<Mutex<HashMap<RequestId, CancellationToken>>>;

/// Reads until the connection has ended.
pub(super) async fn read(
    shared: Arc<Shared>,
    mut incoming: mpsc::Receiver<Incoming>,
    events: Arc<dyn ServerEvents>,
    stop: CancellationToken,
) {
    let answering = Answering::default();
    loop {
        let received = tokio::select! {
            received = incoming.recv() => received,
            () = stop.cancelled() => None,
        };
        let Some(Incoming { message, origin }) = received else { break };
        match message {
            Message::Response { id: Some(id), result } => {
                if !shared.pending.resolve(&id, result) {
                    tracing::debug!(?id, "answer to no request");
                }
            }
            Message::Response { id: None, .. } => tracing::debug!("answer without an id"),
            Message::Notification { method, params } => match method.as_str() {
                "notifications/progress" => shared.progress.hand_on(params).await,
                "notifications/cancelled" => cancel(&answering, params),
                ACKNOWLEDGED => shared.listeners.acknowledge(params),
                _ => {
                    let cause = shared.callers.cause(origin.as_ref());
                    events.notification(method, params, cause).await;
                }
            },
            Message::Request { id, method, params } => {
                let cause = shared.callers.cause(origin.as_ref());
                answer(&shared, &events, &answering, (id, method, params), cause).await;
            }
        }
    }
    shared.closed.cancel();
    let error = shared.diagnostics.explain(ErrorKind::ServerExited, "server went away while the call was under way");
    shared.pending.close(&error);
    shared.progress.clear();
    shared.sink.close().await;
}

/// Answers a request of the server in a task of its own, until the server does not want to know any more.
async fn answer(
    shared: &Arc<Shared>,
    events: &Arc<dyn ServerEvents>,
    answering: &Answering,
    (id, method, params): (RequestId, String, Option<RawJson>),
    cause: Cause,
) {
    let unwanted = CancellationToken::new();
    let refused = {
        let mut table = answering.lock().unwrap_or_else(PoisonError::into_inner);
        if table.contains_key(&id) {
            Some(RpcError::new(code::INVALID_REQUEST, "a request with this id is under way"))
        } else if table.len() >= MAX_SERVER_REQUESTS {
            Some(RpcError::new(code::UNAVAILABLE, "too many requests from this server"))
        } else {
            table.insert(id.clone(), unwanted.clone());
            None
        }
    };
    if let Some(refused) = refused {
        // A server that is gone needs no answer.
        let _ = shared.sink.send(&Message::response(id, Err(refused))).await;
        return;
    }
    let (events, shared, answering) = (Arc::clone(events), Arc::clone(shared), Arc::clone(answering));
    tokio::spawn(async move {
        let result = tokio::select! {
            result = events.request(method, params, cause) => Some(result),
            () = unwanted.cancelled() => None,
            () = shared.closed.cancelled() => None,
        };
        answering.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(result) = result {
            // A server that is gone needs no answer.
            let _ = shared.sink.send(&Message::response(id, result)).await;
        }
    });
}

fn cancel(answering: &Answering, params: Option<RawJson>) {
    let id = params.and_then(|params| params.object().ok()).and_then(|params| params.get("requestId").cloned());
    let Some(id) = id.and_then(|id| RequestId::from_json(id.get()).ok()) else { return };
    if let Some(unwanted) = answering.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
        unwanted.cancel();
    }
}
