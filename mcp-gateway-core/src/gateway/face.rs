//! The session of one client: what the protocol says to it, over the one funnel.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Gateway, SessionOptions};
use crate::error::Result;
use crate::model::{CallContext, Principal, SessionId};
use crate::protocol::{ClientHello, ClientLink, RawJson, Request, RequestId, RpcError, ServerHello, code};
use crate::transport::server::{ServerSession, SessionHost};

/// Lets any transport serve a gateway.
#[derive(Clone, Debug)]
pub struct GatewayHost {
    gateway: Arc<dyn Gateway>,
}

impl GatewayHost {
    /// Serves this gateway.
    pub fn new(gateway: Arc<dyn Gateway>) -> Self {
        Self { gateway }
    }
}

#[async_trait]
impl SessionHost for GatewayHost {
    async fn open(&self, principal: Principal, link: Arc<dyn ClientLink>) -> Result<Arc<dyn ServerSession>> {
        let id = self.gateway.open_session(SessionOptions::new().with_link(link)).await?;
        Ok(Arc::new(ClientSession {
            id,
            principal,
            gateway: Arc::clone(&self.gateway),
            in_flight: Mutex::default(),
            greeted: AtomicBool::new(false),
            ended: CancellationToken::new(),
        }))
    }
}

#[derive(Debug)]
struct ClientSession {
    id: SessionId,
    principal: Principal,
    gateway: Arc<dyn Gateway>,
    in_flight: Mutex<HashMap<RequestId, CancellationToken>>,
    greeted: AtomicBool,
    ended: CancellationToken,
}

#[async_trait]
impl ServerSession for ClientSession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn request(
        &self,
        id: RequestId,
        method: String,
        params: Option<RawJson>,
        link: Arc<dyn ClientLink>,
    ) -> Result<RawJson, RpcError> {
        match method.as_str() {
            "initialize" => self.initialize(params),
            "ping" => Ok(RawJson::empty_object()),
            _ if !self.greeted.load(Ordering::Acquire) => {
                Err(RpcError::new(code::INVALID_REQUEST, format!("`{method}` came before `initialize`")))
            }
            _ => self.dispatch(id, &method, params.as_ref(), link).await,
        }
    }

    async fn notification(&self, method: String, params: Option<RawJson>) {
        if method != "notifications/cancelled" {
            return;
        }
        let id = params.and_then(|params| params.object().ok()).and_then(|params| params.get("requestId").cloned());
        let Some(id) = id.and_then(|id| RequestId::from_json(id.get()).ok()) else { return };
        if let Some(cancellation) = self.locked().get(&id) {
            cancellation.cancel();
        }
    }

    async fn close(&self) {
        self.ended.cancel();
        self.gateway.close_session(&self.id).await;
    }
}

impl ClientSession {
    fn initialize(&self, params: Option<RawJson>) -> Result<RawJson, RpcError> {
        let hello: ClientHello = params
            .and_then(|params| params.read().ok())
            .ok_or_else(|| RpcError::new(code::INVALID_PARAMS, "`initialize` needs `protocolVersion`"))?;
        self.greeted.store(true, Ordering::Release);
        let capabilities = json!({
            "tools": {"listChanged": true},
            "prompts": {"listChanged": true},
            "resources": {"listChanged": true, "subscribe": true},
            "logging": {},
            "completions": {},
        });
        let answer = ServerHello::of_gateway(&hello.protocol_version, capabilities, None);
        answer.to_result().map_err(|error| RpcError::from(&error))
    }

    async fn dispatch(
        &self,
        id: RequestId,
        method: &str,
        params: Option<&RawJson>,
        link: Arc<dyn ClientLink>,
    ) -> Result<RawJson, RpcError> {
        let request = Request::from_message(method, params).map_err(|error| RpcError::from(&error))?;
        let in_flight = InFlight::enter(self, id)?;
        let ctx = CallContext::new(self.principal.clone())
            .with_session(self.id.clone())
            .with_trace(request.trace())
            .with_cancellation(in_flight.cancellation.clone());
        match self.gateway.dispatch(&ctx, request.with_link(link)).await {
            Ok(response) => response.result,
            Err(error) => {
                tracing::info!(method, error = %error.report(), "request failed");
                Err(RpcError::from(&error))
            }
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<RequestId, CancellationToken>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way; leaves the table when it is done or dropped.
struct InFlight<'a> {
    session: &'a ClientSession,
    id: RequestId,
    cancellation: CancellationToken,
}

impl<'a> InFlight<'a> {
    fn enter(session: &'a ClientSession, id: RequestId) -> Result<Self, RpcError> {
        let cancellation = session.ended.child_token();
        let mut table = session.locked();
        if table.contains_key(&id) {
            return Err(RpcError::new(code::INVALID_REQUEST, "a request with this id is under way"));
        }
        table.insert(id.clone(), cancellation.clone());
        Ok(Self { session, id, cancellation })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.session.locked().remove(&self.id);
        self.cancellation.cancel();
    }
}
