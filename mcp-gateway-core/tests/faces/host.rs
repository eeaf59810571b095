//! A host without a gateway: tools that echo, wait, report progress and ask, and a count of what happened to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mcp_gateway_core::error::Result;
use mcp_gateway_core::model::{Principal, SessionId};
use mcp_gateway_core::protocol::{ClientHello, ClientLink, RawJson, RpcError, ServerHello, code};
use mcp_gateway_core::transport::server::{ClientRequest, ServerSession, SessionHost};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What the sessions of a host did.
#[derive(Debug)]
pub(crate) struct FakeHost {
    pub(crate) opened: AtomicUsize,
    pub(crate) closed: AtomicUsize,
    /// Requests under way.
    pub(crate) running: AtomicUsize,
    /// Requests that ended without an answer.
    pub(crate) dropped: AtomicUsize,
    /// Notifications that the transport did not take.
    pub(crate) refused: AtomicUsize,
    /// One permit lets one call of `wait` go on.
    pub(crate) gate: Semaphore,
    pub(crate) notifications: Mutex<Vec<String>>,
    pub(crate) principals: Mutex<Vec<String>>,
    /// The roles of each principal.
    pub(crate) roles: Mutex<Vec<Vec<String>>>,
    /// The sessions' links; a host may keep them longer than the client stays.
    pub(crate) links: Mutex<Vec<Arc<dyn ClientLink>>>,
    /// Whether `initialize` waits for the gate too.
    pub(crate) greets_late: AtomicBool,
}

impl FakeHost {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            gate: Semaphore::new(0),
            notifications: Mutex::default(),
            principals: Mutex::default(),
            roles: Mutex::default(),
            links: Mutex::default(),
            greets_late: AtomicBool::new(false),
        })
    }

    pub(crate) fn count(&self, counter: impl Fn(&Self) -> &AtomicUsize) -> usize {
        counter(self).load(Ordering::SeqCst)
    }

    /// Waits until a counter has a value.
    pub(crate) async fn until(&self, what: &str, counter: impl Fn(&Self) -> &AtomicUsize + Sync, value: usize) {
        crate::until(what, || self.count(&counter) == value).await;
    }

    pub(crate) fn link(&self) -> Arc<dyn ClientLink> {
        Arc::clone(self.links.lock().unwrap().last().expect("a session"))
    }
}

#[derive(Debug)]
struct Shared(Arc<FakeHost>);

/// The host as transports take it.
pub(crate) fn serve(host: &Arc<FakeHost>) -> Arc<dyn SessionHost> {
    Arc::new(Shared(Arc::clone(host)))
}

#[async_trait]
impl SessionHost for Shared {
    async fn open(&self, principal: Principal, link: Option<Arc<dyn ClientLink>>) -> Result<Arc<dyn ServerSession>> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        self.0.principals.lock().unwrap().push(principal.to_string());
        self.0.roles.lock().unwrap().push(principal.roles.iter().map(ToString::to_string).collect());
        self.0.links.lock().unwrap().extend(link);
        Ok(Arc::new(FakeSession {
            id: SessionId::random()?,
            host: Arc::clone(&self.0),
            cancels: Mutex::default(),
            ended: CancellationToken::new(),
        }))
    }
}

#[derive(Debug)]
struct FakeSession {
    id: SessionId,
    host: Arc<FakeHost>,
    cancels: Mutex<HashMap<String, CancellationToken>>,
    ended: CancellationToken,
}

struct Running<'a> {
    host: &'a FakeHost,
    answered: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.host.running.fetch_sub(1, Ordering::SeqCst);
        if !self.answered {
            self.host.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl ServerSession for FakeSession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn request(&self, request: ClientRequest) -> Result<RawJson, RpcError> {
        let ClientRequest { id, method, params, link, .. } = request;
        self.host.running.fetch_add(1, Ordering::SeqCst);
        let mut running = Running { host: &self.host, answered: false };
        let cancel = self.ended.child_token();
        self.cancels.lock().unwrap().insert(id.as_json().to_owned(), cancel.clone());
        let params: Value = params.map_or(Value::Null, |params| params.read().unwrap());
        let answer = tokio::select! {
            answer = self.answer(&method, params, link) => answer,
            () = cancel.cancelled() => Err(RpcError::new(code::UNAVAILABLE, "cancelled")),
        };
        running.answered = true;
        answer
    }

    async fn notification(&self, method: String, params: Option<RawJson>) {
        if method == "notifications/cancelled" {
            let params: Value = params.unwrap().read().unwrap();
            if let Some(cancel) = self.cancels.lock().unwrap().get(&params["requestId"].to_string()) {
                cancel.cancel();
            }
        }
        self.host.notifications.lock().unwrap().push(method);
    }

    async fn wind_down(&self) {}

    async fn close(&self) {
        if !self.ended.is_cancelled() {
            self.ended.cancel();
            self.host.closed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl FakeSession {
    async fn answer(&self, method: &str, params: Value, link: Arc<dyn ClientLink>) -> Result<RawJson, RpcError> {
        let result = match method {
            "initialize" => {
                let hello: ClientHello = serde_json::from_value(params)
                    .map_err(|error| RpcError::new(code::INVALID_PARAMS, error.to_string()))?;
                if self.host.greets_late.load(Ordering::SeqCst) {
                    self.wait().await;
                }
                return Ok(ServerHello::of_gateway(&hello.protocol_version, json!({"tools": {}}), None)
                    .to_result()
                    .unwrap());
            }
            "ping" => json!({}),
            "tools/list" => {
                let tool = |name| json!({"name": name, "description": name, "inputSchema": {"type": "object"}});
                let tools = ["echo", "large", "ask", "progress", "wait"].map(tool);
                json!({"tools": tools})
            }
            "tools/call" => json!({"content": [{"type": "text", "text": self.call(&params, link).await?}]}),
            _ => return Err(RpcError::method_not_found(method)),
        };
        Ok(RawJson::from_value(&result).unwrap())
    }

    async fn call(&self, params: &Value, link: Arc<dyn ClientLink>) -> Result<String, RpcError> {
        let arguments = &params["arguments"];
        let amount = arguments["amount"].as_u64().unwrap_or(1);
        match params["name"].as_str().unwrap_or_default() {
            "echo" => return Ok(arguments["text"].as_str().unwrap_or_default().to_owned()),
            "large" => return Ok("x".repeat(usize::try_from(amount).unwrap())),
            "ask" => {
                return match link.request("roots/list", None).await {
                    Ok(Ok(result)) => Ok(result.get().to_owned()),
                    Ok(Err(error)) => Ok(format!("client says {}", error.code)),
                    Err(error) => Err(RpcError::from(&error)),
                };
            }
            "progress" => {
                let token = &params["_meta"]["progressToken"];
                for progress in 1..=amount {
                    let params = json!({"progressToken": token, "progress": progress, "total": amount});
                    if link.notify("notifications/progress", RawJson::from_value(&params).ok()).await.is_err() {
                        self.host.refused.fetch_add(1, Ordering::SeqCst);
                        break;
                    }
                    // Whoever reads it may wait in this very thread.
                    if progress % 1_000 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                if arguments["wait"] == true {
                    self.wait().await;
                }
            }
            "wait" => self.wait().await,
            name => return Err(RpcError::new(code::INVALID_PARAMS, format!("no tool `{name}`"))),
        }
        Ok("done".to_owned())
    }

    async fn wait(&self) {
        // Forgotten, so that one permit is one call.
        self.host.gate.acquire().await.unwrap().forget();
    }
}
