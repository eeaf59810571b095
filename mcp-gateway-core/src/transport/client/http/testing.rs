//! What the tests of HTTP connections share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::{ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::{ClientHello, RawJson, RawObject, RpcError, ServerHello};
use crate::transport::client::{Cause, Connection, Peer, PeerRequest, ServerEvents};
use crate::util::http::testing::{TestReply, TestRequest};

/// Longer than anything in a test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Hears notifications; answers every request of the server with `{"heard": method}`.
#[derive(Debug)]
struct Ear(mpsc::UnboundedSender<String>);

#[async_trait]
impl ServerEvents for Ear {
    async fn request(&self, method: String, _params: Option<RawJson>, _cause: Cause) -> Result<RawJson, RpcError> {
        Ok(RawJson::from_value(&json!({"heard": method})).unwrap())
    }

    async fn notification(&self, method: String, _params: Option<RawJson>, _cause: Cause) {
        let _ = self.0.send(method);
    }
}

/// A peer and the methods of the notifications that it hears.
pub(crate) fn peer(connection: Connection) -> (Peer, mpsc::UnboundedReceiver<String>) {
    let (sender, heard) = mpsc::unbounded_channel();
    (Peer::new(connection, Arc::new(Ear(sender))), heard)
}

pub(crate) async fn initialize(peer: &Peer) -> Result<ServerHello> {
    peer.initialize(&CallContext::local(), &ClientHello::of_gateway(json!({})), PATIENCE).await
}

/// Asks and gives the result, or the message of the error.
pub(crate) async fn ask(peer: &Peer, method: &str, params: Value) -> Result<Value, String> {
    let params: RawObject = serde_json::from_value(params).unwrap();
    match peer.request(&CallContext::local(), PeerRequest::new(method, params, PATIENCE)).await {
        Ok(Ok(result)) => Ok(result.read().unwrap()),
        Ok(Err(error)) => Err(error.message),
        Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::ServerExited) => {
            Err(format!("connection: {error}"))
        }
        Err(error) => Err(RpcError::from(&error).message),
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}

/// The result of `initialize`.
pub(crate) fn hello() -> Value {
    json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "test", "version": "1"}})
}

/// The answer to a request.
pub(crate) fn answer(request: &TestRequest, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request.json("id"), "result": result})
}

/// Answers as a plain server would: the handshake with the session `s1`, no stream of its own, every other request by
/// its own parameters.
pub(crate) async fn plain(request: TestRequest, reply: TestReply) {
    match (request.method.as_str(), request.json("method").as_str(), request.json("id")) {
        ("GET", ..) => reply.send(405, &[], "").await,
        ("DELETE", ..) => reply.send(204, &[], "").await,
        (_, Some("initialize"), _) => {
            reply.json(200, &[("Mcp-Session-Id", "s1")], &answer(&request, &hello())).await;
        }
        (_, _, Value::Null) | (_, None, _) => reply.send(202, &[], "").await,
        _ => reply.json(200, &[], &answer(&request, &request.json("params"))).await,
    }
}
