//! A client in messages, of either era.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use mcp_gateway_core::transport::server::MemoryClient;
use serde_json::{Value, json};
use tokio::sync::Mutex;

const META: &str = "io.modelcontextprotocol/";

/// Longer than anything in a test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Clone)]
pub(crate) struct Client {
    connection: Arc<MemoryClient>,
    next: Arc<AtomicU64>,
    /// What came and was not taken yet.
    kept: Arc<Mutex<Vec<Value>>>,
}

impl Client {
    pub(crate) fn new(connection: MemoryClient) -> Self {
        Self { connection: Arc::new(connection), next: Arc::new(AtomicU64::new(1)), kept: Arc::default() }
    }

    pub(crate) fn send(&self, message: &Value) {
        self.connection.send(message.to_string()).unwrap();
    }

    pub(crate) fn send_text(&self, message: &str) {
        self.connection.send(message).unwrap();
    }

    pub(crate) fn close(&self) {
        self.connection.close();
    }

    /// Begins a session with these capabilities.
    pub(crate) async fn greet(&self, capabilities: Value) -> Value {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}});
        let answer = self.ask("initialize", params).await;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer["result"].clone()
    }

    /// Sends a request and gives its id.
    pub(crate) fn begin(&self, method: &str, params: Value) -> u64 {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Sends a request and waits for its answer, the whole message.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id).await
    }

    /// As `ask`, in the stateless era.
    pub(crate) async fn ask_alone(&self, capabilities: Value, method: &str, params: Value) -> Value {
        self.ask(method, alone(capabilities, params)).await
    }

    pub(crate) async fn answer(&self, id: u64) -> Value {
        self.wait("an answer", |message| message["id"] == id && message.get("method").is_none()).await
    }

    /// Waits for a request or notification of the gateway.
    pub(crate) async fn hear(&self, method: &str) -> Value {
        self.wait(method, |message| message["method"] == method).await
    }

    /// Everything that came with a method and was not taken yet, after a round trip that lets it come.
    pub(crate) async fn heard(&self, method: &str) -> Vec<Value> {
        self.ask("ping", json!({})).await;
        self.kept.lock().await.iter().filter(|message| message["method"] == method).cloned().collect()
    }

    /// Takes a message that has come, if there is one like it.
    pub(crate) async fn take(&self, is_it: impl Fn(&Value) -> bool + Send + Sync) -> Option<Value> {
        let mut kept = self.kept.lock().await;
        while let Some(Some(message)) = self.connection.receive().now_or_never() {
            kept.push(serde_json::from_str(&message).unwrap());
        }
        let at = kept.iter().position(is_it)?;
        Some(kept.remove(at))
    }

    pub(crate) async fn wait(&self, what: &str, is_it: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let waiting = async {
            let mut kept = self.kept.lock().await;
            if let Some(at) = kept.iter().position(&is_it) {
                return kept.remove(at);
            }
            loop {
                let message = self.connection.receive().await.unwrap_or_else(|| panic!("{what} before the end"));
                let message: Value = serde_json::from_str(&message).unwrap();
                if is_it(&message) {
                    return message;
                }
                kept.push(message);
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }
}

/// Parameters of a request that stands alone.
pub(crate) fn alone(capabilities: Value, mut params: Value) -> Value {
    let mut meta = params.get("_meta").cloned().unwrap_or(json!({}));
    meta[format!("{META}protocolVersion")] = "2026-07-28".into();
    meta[format!("{META}clientCapabilities")] = capabilities;
    params["_meta"] = meta;
    params
}

/// The parameters of a tool call.
pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// The text of a tool's answer.
pub(crate) fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
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
