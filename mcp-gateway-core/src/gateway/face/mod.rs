//! The session of one client: what the protocol says to it, over the one funnel.

mod bridge;
#[cfg(fuzzing)]
pub mod fuzzing;
mod greeted;
mod in_flight;
mod lanes;
mod listening;
mod parked;
mod seal;
mod stateless;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::error::Result;
use crate::model::{CallContext, Principal, SessionId};
use crate::protocol::stateless::RequestMeta;
use crate::protocol::{ClientLink, RawJson, RawObject, Request, RequestId, Response, RpcError, check_shape, code};
use crate::transport::server::{ClientRequest, ServerSession, SessionHost};
use in_flight::InFlight;
use lanes::Lanes;
use parked::Parked;

/// How long a call waits for the answers to what its server asks, where the client has to come back with them.
const ROUND_TIME: Duration = Duration::from_secs(10 * 60);

/// How many calls of one client may wait so.
const MAX_PARKED: usize = 64;

/// Lets any transport serve a gateway.
#[derive(Clone, Debug)]
pub struct GatewayHost {
    gateway: Arc<dyn Gateway>,
    round_time: Duration,
    max_parked: usize,
    has_local_clients: bool,
}

impl GatewayHost {
    /// Serves this gateway.
    pub fn new(gateway: Arc<dyn Gateway>) -> Self {
        Self { gateway, round_time: ROUND_TIME, max_parked: MAX_PARKED, has_local_clients: false }
    }

    /// Sets how long a call waits for a client that has to come back with answers. Default 10 min.
    #[must_use]
    pub fn with_round_time(mut self, time: Duration) -> Self {
        self.round_time = time;
        self
    }

    /// Sets how many calls of one client may wait so. Default 64.
    #[must_use]
    pub fn with_max_parked(mut self, calls: usize) -> Self {
        self.max_parked = calls;
        self
    }

    /// Says that every client that is served is on this machine, so that people can be sent to pages that the gateway shows
    /// here. Default: that is not known, and nobody is.
    #[must_use]
    pub fn with_local_clients(mut self) -> Self {
        self.has_local_clients = true;
        self
    }
}

#[async_trait]
impl SessionHost for GatewayHost {
    async fn open(&self, principal: Principal, link: Option<Arc<dyn ClientLink>>) -> Result<Arc<dyn ServerSession>> {
        Ok(Arc::new(ClientSession {
            id: SessionId::random()?,
            lanes: Lanes::new(Arc::clone(&self.gateway), principal.clone()),
            principal,
            link,
            gateway: Arc::clone(&self.gateway),
            greeted: OnceLock::new(),
            parked: Parked::new(self.round_time, self.max_parked)?,
            is_local: self.has_local_clients,
            in_flight: InFlight::default(),
            winding_down: CancellationToken::new(),
            ended: CancellationToken::new(),
        }))
    }
}

/// One client: a connection, or everyone who comes over HTTP as one principal.
#[derive(Debug)]
struct ClientSession {
    id: SessionId,
    principal: Principal,
    /// The way to the client for what belongs to no request; `None` where there is more than one connection.
    link: Option<Arc<dyn ClientLink>>,
    gateway: Arc<dyn Gateway>,
    /// The gateway's session, once the client has shaken hands.
    greeted: OnceLock<SessionId>,
    /// The gateway's sessions for requests that stand alone.
    lanes: Lanes,
    parked: Arc<Parked>,
    /// Whether the client is on this machine.
    is_local: bool,
    in_flight: InFlight,
    winding_down: CancellationToken,
    ended: CancellationToken,
}

#[async_trait]
impl ServerSession for ClientSession {
    fn id(&self) -> &SessionId {
        &self.id
    }

    async fn request(&self, request: ClientRequest) -> Result<RawJson, RpcError> {
        let params = match &request.params {
            None => RawObject::default(),
            Some(params) => {
                check_shape(params)?;
                params.object().map_err(|_| {
                    RpcError::new(code::INVALID_PARAMS, format!("parameters of `{}` are not an object", request.method))
                })?
            }
        };
        // The headers have said which era it is, or the request does; whoever says both must mean the same.
        if request.headers.is_some() || RequestMeta::is_in(&params) {
            self.stateless(request, params).await
        } else {
            self.of_session(request, params).await
        }
    }

    async fn notification(&self, method: String, params: Option<RawJson>) {
        match method.as_str() {
            "notifications/cancelled" => {
                let params = params.and_then(|params| params.object().ok());
                let id = params.and_then(|params| params.get("requestId").cloned());
                if let Some(id) = id.and_then(|id| RequestId::from_json(id.get()).ok()) {
                    self.in_flight.cancel(&id);
                }
            }
            "notifications/roots/list_changed" => {
                if let Some(session) = self.greeted.get() {
                    self.gateway.roots_changed(session).await;
                }
            }
            _ => {}
        }
    }

    async fn wind_down(&self) {
        self.winding_down.cancel();
    }

    async fn close(&self) {
        self.winding_down.cancel();
        self.ended.cancel();
        self.parked.clear();
        if let Some(session) = self.greeted.get() {
            self.gateway.close_session(session).await;
        }
        self.lanes.close().await;
    }
}

impl ClientSession {
    /// Whether more than one client may be behind this: everyone who comes over HTTP as one principal.
    fn is_shared(&self) -> bool {
        self.link.is_none()
    }

    /// The context of a request in one of the gateway's sessions.
    fn context(&self, session: &SessionId, request: &Request, cancellation: CancellationToken) -> CallContext {
        CallContext::new(self.principal.clone())
            .with_session(session.clone())
            .with_trace(request.trace())
            .with_cancellation(cancellation)
    }
}

/// What the gateway says, with an error of its own as the client gets it.
fn answered(method: &str, outcome: Result<Response>) -> Result<Response, RpcError> {
    outcome.map_err(|error| {
        tracing::info!(method, error = %error.report(), "request failed");
        RpcError::local(error)
    })
}
