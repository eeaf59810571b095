//! A client that is the host's own code.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dialect::{Dialect, ToolSet};
use super::ext::result;
use super::host_link::{CallLink, HostLink, ProgressListener};
use super::whole::WholeList;
use super::{Client, Gateway as _, McpGateway, SessionOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Definition, Principal, SessionId};
use crate::protocol::{ListKind, ListPage, RawJson, RawObject, Request, RequestKind};

/// A session of the host's own code: what it asks goes through [`Gateway::dispatch`](super::Gateway::dispatch), as
/// everything does.
///
/// # Behavior
/// - Servers that are kept per session are this session's own.
/// - Log messages and resource updates for it are [`GatewayEvent`](super::GatewayEvent)s.
/// - What servers ask in the course of its calls goes to its [`Client`]; a call that was given up takes its questions along.
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
    link: Arc<HostLink>,
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
    pub(super) async fn open(
        gateway: &McpGateway,
        principal: Principal,
        client: Option<Arc<dyn Client>>,
    ) -> Result<Self> {
        require_name(&principal)?;
        let capabilities = client.as_ref().map(|client| client.capabilities()).unwrap_or_default();
        let link = Arc::new(HostLink::new(gateway.hub.bus.clone(), &principal, client));
        let options = SessionOptions::new()
            .with_link(Arc::clone(&link) as _)
            .with_capabilities(capabilities)
            .with_principal(principal.clone());
        let id = gateway.open_session(options).await?;
        link.belongs_to(&id);
        Ok(Self(Arc::new(Held { gateway: gateway.clone(), id, principal, link })))
    }

    /// Its id.
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// Whose it is.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// Carries out an MCP request by its method, such as `tools/call`, and gives its result as it came: of a list, one
    /// page.
    ///
    /// # Errors
    /// `Unsupported` for a method that is not served, and as [`Gateway::dispatch`](super::Gateway::dispatch); a JSON-RPC
    /// error of the server becomes `Protocol` with its code, message and data.
    pub async fn request(&self, method: &str, mut params: RawObject, options: CallOptions) -> Result<RawJson> {
        // What is dropped is given up.
        let given_up = CancellationToken::new();
        let giving_up = given_up.clone().drop_guard();
        let mut link = CallLink::new(Arc::clone(&self.0.link), given_up);
        if let Some(listener) = options.progress {
            link.tell(&mut params, listener)?;
        }
        let mut request = Request::from_object(method, params)?;
        request.is_local = true;
        // What lasts longer than its request, such as a subscription, is the session's.
        let is_own = request.kind.may_ask() || link.tells();
        request = request.with_link(if is_own { Arc::new(link) } else { Arc::clone(&self.0.link) as _ });
        let mut ctx = CallContext::new(self.0.principal.clone())
            .with_session(self.0.id.clone())
            .with_trace(request.trace())
            .with_cancellation(options.cancellation);
        if let Some(timeout) = options.timeout {
            ctx = ctx.with_timeout(timeout);
        }
        let answer = self.0.gateway.dispatch(&ctx, request).await?;
        // What has begun in its course, such as a task, may go on.
        giving_up.disarm();
        result(answer)
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
        ToolSet::of(dialect, &self.list(ListKind::Tools, &CallOptions::new()).await?)
    }

    /// A whole list, one request for each of its pages.
    ///
    /// # Errors
    /// As [`request`](Self::request); `TooLarge` when it does not end.
    pub async fn list(&self, kind: ListKind, options: &CallOptions) -> Result<Vec<Definition>> {
        let mut list = WholeList::new(kind);
        while let Some(params) = list.next() {
            list.take(self.request(kind.request().method(), params, options.clone()).await)?;
        }
        Ok(list.into_items())
    }

    /// A whole list by its method, in the form of a page that is the only one.
    ///
    /// # Errors
    /// `Unsupported` for a method that lists nothing, and as [`list`](Self::list).
    pub async fn list_json(&self, method: &str, options: &CallOptions) -> Result<RawJson> {
        let kind = RequestKind::from_method(method)
            .and_then(RequestKind::list)
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("method `{method}` lists nothing")))?;
        let items = self.list(kind, options).await?;
        Ok(ListPage::render(kind, items.iter().map(|item| item.json.as_str()), None))
    }

    /// Tells the session's servers that the roots of its client are others now.
    pub async fn roots_changed(&self) {
        self.0.gateway.roots_changed(&self.0.id).await;
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
