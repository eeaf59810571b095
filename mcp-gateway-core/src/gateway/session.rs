//! A client that is the host's own code.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::dialect::{Dialect, ToolSet};
use super::events::{EventBus, GatewayEvent};
use super::ext::result;
use super::{Gateway as _, McpGateway, SessionOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Principal, SessionId};
use crate::protocol::{ClientLink, RawJson, RawObject, Request, RequestKind, RpcError};

/// The longest parameters that an event carries, in bytes: many events wait for whoever listens slowly.
const MAX_EVENT: usize = 64 * 1024;

/// Receives the parameters of each `notifications/progress` of one request.
pub type ProgressListener = Arc<dyn Fn(RawJson) + Send + Sync>;

/// A session of the host's own code: what it asks goes through [`Gateway::dispatch`](super::Gateway::dispatch), as
/// everything does.
///
/// # Behavior
/// - Servers that are kept per session are this session's own.
/// - Log messages and resource updates for it are [`GatewayEvent`]s.
/// - Cheap to clone; every clone is the same session. Close it to give its servers back; in a tokio runtime, dropping the
///   last clone does that too.
#[derive(Clone, Debug)]
pub struct Session(Arc<Held>);

/// One session, for as long as there is somebody who holds it.
#[derive(Debug)]
struct Held {
    gateway: McpGateway,
    id: SessionId,
    principal: Principal,
}

impl Drop for Held {
    fn drop(&mut self) {
        // To stop its servers takes a task; outside, its host closes it.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.gateway.hub.close_session(&self.id);
        }
    }
}

/// What one request of a [`Session`] says beside its parameters.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// When the caller stops waiting; `None` leaves it to the server's call timeout.
    pub timeout: Option<Duration>,
    /// Ends the request, at the server too.
    pub cancellation: CancellationToken,
    /// Who hears of its progress.
    pub progress: Option<ProgressListener>,
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl CallOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds the request.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets the token end the request.
    #[must_use]
    pub fn with_cancellation(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// Tells progress.
    #[must_use]
    pub fn with_progress(mut self, progress: ProgressListener) -> Self {
        self.progress = Some(progress);
        self
    }
}

impl Session {
    pub(super) async fn open(gateway: &McpGateway, principal: Principal) -> Result<Self> {
        require_name(&principal)?;
        let link = Arc::new(EventLink { bus: gateway.hub.bus.clone(), id: OnceLock::new() });
        let id = gateway.open_session(SessionOptions::new().with_link(Arc::clone(&link) as _)).await?;
        // Set once, before anything can be sent to the session.
        let _ = link.id.set(id.clone());
        Ok(Self(Arc::new(Held { gateway: gateway.clone(), id, principal })))
    }

    /// Its id.
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// Whose it is.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Carries out an MCP request by its method, such as `tools/call`, and gives its result as it came.
    ///
    /// # Errors
    /// `Unsupported` for a method that is not served, and as [`Gateway::dispatch`](super::Gateway::dispatch); a JSON-RPC
    /// error of the server becomes `Protocol` with its code, message and data.
    pub async fn request(&self, method: &str, mut params: RawObject, options: CallOptions) -> Result<RawJson> {
        let link = options.progress.map(|listener| ProgressLink::attach(&mut params, listener)).transpose()?;
        let kind = RequestKind::from_method(method)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("method `{method}` is not served here")))?;
        let mut request = Request::new(kind, params);
        if let Some(link) = link {
            request = request.with_link(Arc::new(link));
        }
        let mut ctx = CallContext::new(self.0.principal.clone())
            .with_session(self.0.id.clone())
            .with_trace(request.trace())
            .with_cancellation(options.cancellation);
        if let Some(timeout) = options.timeout {
            ctx = ctx.with_timeout(timeout);
        }
        result(self.0.gateway.dispatch(&ctx, request).await?)
    }

    /// The parameters of a request that are written as JSON, with arguments that are written apart from them.
    ///
    /// # Errors
    /// `InvalidInput` when either is no JSON object.
    pub fn params(params: &str, arguments: Option<&str>) -> Result<RawObject> {
        let read = |what: &'static str, text: &str| {
            RawJson::parse(text).and_then(|json| Ok((json.object()?, json))).map_err(|cause| {
                Error::new(ErrorKind::InvalidInput, format!("{what} of a request are no JSON object"))
                    .with_operation("Session::params")
                    .with_source(cause)
            })
        };
        let (mut params, _) = read("parameters", params)?;
        if let Some(arguments) = arguments {
            params.set("arguments", read("arguments", arguments)?.1);
        }
        Ok(params)
    }

    /// Every tool in the shape that a model API takes, with the way back from its calls.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn present_tools(&self, dialect: Dialect) -> Result<ToolSet> {
        let method = RequestKind::ListTools.method();
        ToolSet::of_listed(dialect, &self.request(method, RawObject::default(), CallOptions::new()).await?)
    }

    /// Ends the session and gives its servers back. May be called twice.
    pub async fn close(&self) {
        self.0.gateway.close_session(&self.0.id).await;
    }
}

/// Refuses a principal that records could not name.
pub(super) fn require_name(principal: &Principal) -> Result<()> {
    if principal.name.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "a principal has a name"));
    }
    Ok(())
}

/// What stands in an event for parameters that are too long: the short ones of them.
pub(super) fn left_out(params: &RawJson) -> Result<RawJson> {
    let (bytes, params) = (params.get().len(), params.object()?);
    let mut short = RawObject::default();
    for key in ["level", "logger", "uri"] {
        if let Some(text) = params.text(key).filter(|text| text.len() <= MAX_EVENT / 8) {
            short.set_text(key, &text);
        }
    }
    short.set_text("data", &format!("{bytes} bytes are left out, for events have {MAX_EVENT} at most"));
    Ok(short.to_raw())
}

/// Turns what is sent to a session into events.
#[derive(Debug)]
struct EventLink {
    bus: EventBus,
    id: OnceLock<SessionId>,
}

#[async_trait]
impl ClientLink for EventLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let (Some(session), Some(params)) = (self.id.get().cloned(), params) else { return Ok(()) };
        let params = if params.get().len() > MAX_EVENT { left_out(&params)? } else { params };
        match method {
            "notifications/message" => self.bus.tell(|| GatewayEvent::Log { session, params }),
            "notifications/resources/updated" => self.bus.tell(|| GatewayEvent::ResourceUpdated { session, params }),
            // Changed lists are events of the whole gateway already.
            _ => {}
        }
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

/// Hands the progress of one request to its listener.
struct ProgressLink(ProgressListener);

impl fmt::Debug for ProgressLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressLink")
    }
}

impl ProgressLink {
    /// Asks for progress in the request's `_meta`.
    fn attach(params: &mut RawObject, listener: ProgressListener) -> Result<Self> {
        static TOKENS: AtomicU64 = AtomicU64::new(1);
        let mut meta = match params.get("_meta") {
            Some(meta) => meta.object().map_err(|cause| {
                Error::new(ErrorKind::InvalidInput, "`_meta` of a request is an object").with_source(cause)
            })?,
            None => RawObject::default(),
        };
        meta.set("progressToken", RawJson::from_value(&TOKENS.fetch_add(1, Ordering::Relaxed))?);
        params.set("_meta", meta.to_raw());
        Ok(Self(listener))
    }
}

#[async_trait]
impl ClientLink for ProgressLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        if let ("notifications/progress", Some(params)) = (method, params) {
            (self.0)(params);
        }
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}
