//! Clients of the stateless era that listen for what belongs to no single request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::ClientSession;
use super::in_flight::Entered;
use super::stateless::cancelled;
use crate::error::Result;
use crate::gateway::Gateway;
use crate::model::SessionId;
use crate::protocol::stateless::{ACKNOWLEDGED, ListenFilter, RequestMeta};
use crate::protocol::{ClientLink, RawJson, RawObject, Request, RequestId, RequestKind, RpcError, code};
use crate::transport::server::ClientRequest;

/// How many notifications wait for the acknowledgement, and how many resources one listening may name.
const MAX_HELD: usize = 64;
const MAX_RESOURCES: usize = 1_000;

impl ClientSession {
    /// Listens until the client has had enough or the gateway ends.
    pub(super) async fn listen(
        &self,
        request: ClientRequest,
        params: &RawObject,
        meta: &RequestMeta,
        entered: &Entered<'_>,
    ) -> Result<RawJson, RpcError> {
        let wrong = || RpcError::new(code::INVALID_PARAMS, "`notifications` is no filter of notifications");
        let mut filter = match params.get("notifications") {
            Some(_) => ListenFilter::read(params).map_err(|_| wrong())?,
            None => return Err(wrong()),
        };
        if filter.resource_subscriptions.len() > MAX_RESOURCES {
            return Err(RpcError::new(code::INVALID_PARAMS, format!("more than {MAX_RESOURCES} resources are named")));
        }
        let failed = |error| RpcError::from(&error);
        let lane = self.lanes.enter(&meta.capabilities).await.map_err(failed)?;
        let listener = Arc::new(Listener::new(&request, filter.clone(), entered.cancellation.clone()));
        let link: Arc<dyn ClientLink> = Arc::clone(&listener) as _;
        let _attached = Attached::new(&self.gateway, lane.session(), &link).await.map_err(failed)?;
        // What policy or the server refuses is not listened for, and the acknowledgement says so.
        let mut honoured = Vec::new();
        for uri in std::mem::take(&mut filter.resource_subscriptions) {
            let mut params = RawObject::default();
            params.set_text("uri", &uri);
            let asked = Request::new(RequestKind::Subscribe, params).with_link(Arc::clone(&link));
            let ctx = self.context(lane.session(), &asked, entered.cancellation.clone());
            match self.gateway.dispatch(&ctx, asked).await {
                Ok(response) if response.result.is_ok() => honoured.push(uri),
                Ok(_) => {}
                Err(error) => tracing::info!(uri, error = %error.report(), "resource is not listened for"),
            }
        }
        filter.resource_subscriptions = honoured;
        filter.task_ids.clear();
        listener.open(&filter).await.map_err(failed)?;
        if !filter.is_empty() {
            tokio::select! {
                () = self.winding_down.cancelled() => {}
                () = entered.cancellation.cancelled() => return Err(cancelled()),
            }
        }
        ListenFilter::end(&request.id).map_err(failed)
    }
}

/// A notification: its method and parameters.
type Told = (String, Option<RawJson>);

/// The way to one listener: what it did not ask for, and what belongs to requests, does not take it.
#[derive(Debug)]
struct Listener {
    id: RequestId,
    link: Arc<dyn ClientLink>,
    filter: ListenFilter,
    /// What came before the acknowledgement; `None` after it.
    held: Mutex<Option<Vec<Told>>>,
    /// Ends the listening of a client that does not keep up.
    cancellation: CancellationToken,
}

impl Listener {
    fn new(request: &ClientRequest, filter: ListenFilter, cancellation: CancellationToken) -> Self {
        Self {
            id: request.id.clone(),
            link: Arc::clone(&request.link),
            filter,
            held: Mutex::new(Some(Vec::new())),
            cancellation,
        }
    }

    /// Acknowledges, and tells what has happened meanwhile.
    async fn open(&self, honoured: &ListenFilter) -> Result<()> {
        self.link.notify(ACKNOWLEDGED, Some(honoured.acknowledgement(&self.id)?)).await?;
        loop {
            let held = {
                let mut held = self.held();
                match held.as_mut() {
                    Some(waiting) if !waiting.is_empty() => std::mem::take(waiting),
                    _ => {
                        *held = None;
                        return Ok(());
                    }
                }
            };
            for (method, params) in held {
                self.pass(&method, params).await?;
            }
        }
    }

    async fn pass(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let passed = self.link.notify(method, Some(ListenFilter::tag(params, &self.id)?)).await;
        if passed.is_err() {
            // A change that is lost could not be noticed; a listening that has ended can.
            self.cancellation.cancel();
        }
        passed
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Told>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ClientLink for Listener {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let is_wanted = self.filter.wants_list(method) || method == "notifications/resources/updated";
        if !is_wanted {
            return Ok(());
        }
        if let Some(held) = self.held().as_mut() {
            if held.len() < MAX_HELD {
                held.push((method.to_owned(), params));
            } else {
                // A change that is lost could not be noticed; a listening that has ended can.
                self.cancellation.cancel();
            }
            return Ok(());
        }
        self.pass(method, params).await
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

/// A link among those of a session; taken out when this is dropped.
struct Attached {
    gateway: Arc<dyn Gateway>,
    session: SessionId,
    link: Arc<dyn ClientLink>,
}

impl Attached {
    async fn new(gateway: &Arc<dyn Gateway>, session: &SessionId, link: &Arc<dyn ClientLink>) -> Result<Self> {
        gateway.attach_link(session, Arc::clone(link)).await?;
        Ok(Self { gateway: Arc::clone(gateway), session: session.clone(), link: Arc::clone(link) })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let (gateway, session, link) = (Arc::clone(&self.gateway), self.session.clone(), Arc::clone(&self.link));
        // Without a runtime the process is ending, and its sessions with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { gateway.detach_link(&session, &link).await });
        }
    }
}
