//! The value that a host holds.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::dynamic::{ACTIVATE, Activation, unknown_tool};
use super::events::GatewayEvents;
use super::hub::{Editor, Hub, Slots};
use super::inspect::Inspection;
use super::layers::{Call, Service};
use super::session::require_name;
use super::{
    Approval, Client, Gateway, GatewayHost, Introduction, ServerStatus, ServerSurface, Session, SessionOptions,
    SurfaceDiff, usage,
};
use crate::approval::ApprovalQueue;
use crate::audit::AuditStore;
use crate::catalog::{SearchQuery, SearchResult};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Described, Effect, Principal, ProfileName, ServerName, SessionId, Verification};
use crate::policy::Policy;
use crate::profile::ServerSpec;
use crate::protocol::{ClientCapabilities, ClientLink, ListKind, RawJson, Request, RequestKind, Response};
use crate::runtime::InstanceStatus;
use crate::telemetry::Metrics;
use crate::transport::server::{MemoryClient, StreamConfig, connect_memory};

/// How many requests of one client of this process may be under way.
const CLIENT_IN_FLIGHT: usize = 1_024;

/// How many servers of another profile are added at a time.
const AT_ONCE: usize = 8;

/// A gateway over real catalogs, brokers and runtimes; made by [`GatewayBuilder`](super::GatewayBuilder).
///
/// # Behavior
/// - Cheap to clone; every clone is the same gateway.
/// - Call [`shutdown`](Gateway::shutdown) before the host ends: it waits for every server to stop. What a host that just
///   ends leaves behind, the next gateway of the same home sweeps.
#[derive(Clone)]
pub struct McpGateway {
    pub(crate) layers: Arc<dyn Service>,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) client: Option<Arc<dyn Client>>,
    pub(crate) approvals: Option<ApprovalQueue>,
    pub(crate) hub: Arc<Hub>,
}

impl fmt::Debug for McpGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpGateway").field("profile", self.hub.profile.name()).finish_non_exhaustive()
    }
}

impl McpGateway {
    /// Its audit trail.
    pub fn audit(&self) -> &Arc<dyn AuditStore> {
        &self.hub.audit
    }

    /// Where confirmations wait for an operator.
    ///
    /// # Errors
    /// `Unsupported` for a gateway without a queue.
    pub fn approvals(&self) -> Result<&ApprovalQueue> {
        self.approvals.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this gateway has no queue of approvals")
                .with_hint("give one to the builder by `with_approvals`, or open the gateway from a home")
        })
    }

    /// Its counters.
    pub fn metrics(&self) -> &Metrics {
        &self.hub.metrics
    }

    /// Opens a session for the host's own code.
    ///
    /// # Errors
    /// `Overloaded` when there are too many, `Closed` when the gateway is shutting down.
    pub async fn session(&self, principal: Principal) -> Result<Session> {
        Session::open(self, principal, self.client.clone()).await
    }

    /// Opens a session for the host's own code with a client of its own, in the place of the gateway's.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub async fn session_with(&self, principal: Principal, client: Arc<dyn Client>) -> Result<Session> {
        Session::open(self, principal, Some(client)).await
    }

    /// Connects a client of this process that speaks MCP in messages; it ends with `shutdown` at the latest.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub async fn connect(&self, principal: Principal, shutdown: CancellationToken) -> Result<MemoryClient> {
        require_name(&principal)?;
        let host = Arc::new(GatewayHost::new(Arc::new(self.clone())).with_local_clients());
        // The gateway's own bound on requests under way is the one that counts.
        let config = StreamConfig::default().with_max_in_flight(CLIENT_IN_FLIGHT);
        connect_memory(host, principal, config, shutdown).await
    }

    /// What happens in it from now on.
    pub fn events(&self) -> GatewayEvents {
        self.hub.bus.listen()
    }

    /// Puts a server of the catalog into the profile; clients see it at once, and it starts on first use.
    ///
    /// # Errors
    /// `AlreadyExists` for a server that the profile has, `NotFound` for one that the catalog does not have,
    /// `InvalidConfig` or `InvalidInput` for settings that cannot be right, `Closed` when the gateway is shutting down.
    pub async fn add_server(&self, server: &ServerName, settings: ServerSpec) -> Result<()> {
        self.hub
            .add_server(server, settings, &Editor::HOST)
            .await
            .map_err(|error| error.with_operation("McpGateway::add_server"))
    }

    /// Takes a server out of the profile and stops it; its calls under way fail.
    ///
    /// # Errors
    /// `NotFound` for a server that the profile does not have.
    pub async fn remove_server(&self, server: &ServerName) -> Result<()> {
        self.hub
            .remove_server(server, &Editor::HOST)
            .await
            .map_err(|error| error.with_operation("McpGateway::remove_server"))
    }

    /// The servers of the catalog, and their tools, that fit a query best.
    ///
    /// What a server of the profile was seen to offer counts in place of what the catalog says of its tools.
    ///
    /// # Errors
    /// As the catalog's [`list`](crate::catalog::Catalog::list).
    pub async fn find(&self, query: &SearchQuery) -> Result<SearchResult> {
        self.hub.search(query).await.map_err(|error| error.with_operation("McpGateway::find"))
    }

    /// What a server would get if it were started now: image, command, mounts, network, limits, names of secrets.
    ///
    /// # Errors
    /// `NotFound` for a server that the profile does not have; why it is refused, if it is.
    pub async fn inspect(&self, server: &ServerName) -> Result<Inspection> {
        self.hub.inspect(server).await
    }

    /// What an operator would approve of a server, or has: what runs, and each definition with what it says of itself.
    ///
    /// A server that was never seen is started once.
    ///
    /// # Errors
    /// `NotFound` for a server that the profile does not have; why it cannot be seen, if it cannot.
    pub async fn surface_of(&self, server: &ServerName) -> Result<ServerSurface> {
        self.hub.surface_of(server).await.map_err(|error| error.with_operation("McpGateway::surface_of"))
    }

    /// Approves what a server offers now, in the name of `by`, and returns it; void as soon as its entry, what runs or a
    /// definition is another one.
    ///
    /// Rules and presets may then believe what its annotations say.
    ///
    /// # Errors
    /// As [`surface_of`](Self::surface_of), and what the profile says when its lock cannot be written.
    pub async fn approve_server(&self, server: &ServerName, by: &Principal) -> Result<ServerSurface> {
        self.approve_server_with(server, by, &Approval::new()).await
    }

    /// As [`approve_server`](Self::approve_server), of some of it, or only if it is what was looked at.
    ///
    /// What was held back of it is offered from now on.
    ///
    /// # Errors
    /// As [`approve_server`](Self::approve_server); `NotFound` for an item that the server does not offer, and `Conflict` when
    /// what is held back is not what the diff showed.
    pub async fn approve_server_with(
        &self,
        server: &ServerName,
        by: &Principal,
        approval: &Approval,
    ) -> Result<ServerSurface> {
        let approved = self.hub.approve(server, by, approval).await;
        approved.map_err(|error| error.with_operation("McpGateway::approve_server"))
    }

    /// What a server offers that is not what was accepted of it, field by field, with what is held back.
    ///
    /// A server that was never seen is started once, and so is one of which something is held back and that does not run: it
    /// may offer something else by now. One that cannot be started is shown as it was seen last.
    ///
    /// # Errors
    /// As [`surface_of`](Self::surface_of).
    pub async fn diff(&self, server: &ServerName) -> Result<SurfaceDiff> {
        self.hub.diff(server).await.map_err(|error| error.with_operation("McpGateway::diff"))
    }

    /// Takes the approval of a server back; says whether there was one.
    ///
    /// # Errors
    /// `NotFound` for a server that the profile does not have, and what the profile says when its lock cannot be written.
    pub async fn revoke_server(&self, server: &ServerName, by: &Principal) -> Result<bool> {
        self.hub.revoke(server, by).await.map_err(|error| error.with_operation("McpGateway::revoke_server"))
    }

    /// The running servers of every runtime of this gateway; who used this gateway's last, and when.
    ///
    /// # Errors
    /// `RuntimeUnavailable` when an engine does not answer.
    pub async fn instances(&self) -> Result<Vec<InstanceStatus>> {
        let mut all = self.hub.launcher.instances().await?;
        // Gateways of other profiles have trails of their own; those come last.
        all.sort_by_key(|status| status.owner.profile != *self.profile());
        let own = all.partition_point(|status| status.owner.profile == *self.profile());
        if let Err(error) = usage::fill_last_use(self.audit().as_ref(), &mut all[..own]).await {
            // What runs is shown all the same.
            tracing::info!(error = %error.report(), "who used the running servers is not known");
        }
        Ok(all)
    }

    /// As [`instances`](Self::instances), with how busy each server is; that takes a second to find out.
    ///
    /// # Errors
    /// As [`instances`](Self::instances).
    pub async fn stats(&self) -> Result<Vec<InstanceStatus>> {
        let (before, begun) = (self.hub.launcher.instances().await?, Instant::now());
        tokio::time::sleep(usage::WINDOW).await;
        let mut now = self.instances().await?;
        usage::fill_cpu_percent(&before, begun.elapsed(), &mut now);
        Ok(now)
    }
}

/// Whether a finding is about the very image that a person is told of; another's says nothing about it.
fn is_of(found: &Verification, described: Option<&Described>) -> bool {
    found.digest.as_ref().zip(described).is_some_and(|(digest, described)| digest.as_str() == described.identity)
}

impl McpGateway {
    /// Has a request whose name was looked up decided and carried out.
    async fn pass(
        &self,
        ctx: &CallContext,
        mut request: Request,
        slots: Arc<Slots>,
        via: Option<&'static str>,
    ) -> Result<Response> {
        self.complete(ctx, &mut request).await;
        let mut call = Call::new(request);
        call.via = via;
        self.hub.propose(ctx, &mut call).await;
        if let Some(slot) = call.request.target.as_ref().and_then(|target| slots.get(&target.server)) {
            call.slot = Some(slot.number);
            call.verification = slot.verification().filter(|found| is_of(found, call.request.described.as_deref()));
        }
        drop(slots);
        call.client = self.hub.capabilities_of(ctx.session.as_ref());
        self.layers.call(ctx, &mut call).await
    }

    /// Adds the servers of another profile, each by a call that is decided, recorded and counted as any other.
    async fn activate(&self, ctx: &CallContext, mut activation: Activation) -> Result<Response> {
        let calls = std::mem::take(&mut activation.calls);
        let calls = calls.into_iter().map(|call| {
            let slots = self.hub.slots_of(ctx.session.as_ref());
            self.pass(ctx, call, slots, Some(ACTIVATE))
        });
        let outcomes = futures_util::stream::iter(calls).buffered(AT_ONCE).collect().await;
        activation.told(outcomes)
    }

    /// Asks the person at the client for what a server lacks that is to be added, unless policy denies that anyway.
    async fn complete(&self, ctx: &CallContext, request: &mut Request) {
        self.hub.take_config(ctx, request).await;
        if self.hub.lacks_config(request).await
            && self.policy.decide(ctx, request).await.is_ok_and(|decision| decision.effect != Effect::Deny)
        {
            self.hub.complete_config(ctx, request).await;
        }
        if self.hub.lacks_secrets(ctx, request).await
            && self.policy.decide(ctx, request).await.is_ok_and(|decision| decision.effect != Effect::Deny)
        {
            self.hub.complete_secrets(ctx, request).await;
        }
    }

    /// Says why a name may be unknown, as far as this caller may know it: by a list, it would be told the same.
    async fn explain(&self, ctx: &CallContext, error: Error) -> Error {
        if ctx.has_given_up() {
            let kind = if ctx.cancellation.is_cancelled() { ErrorKind::Cancelled } else { ErrorKind::Timeout };
            return Error::new(kind, "the caller stopped waiting before every server was known").with_source(error);
        }
        match self.policy.decide(ctx, &Request::list(ListKind::Tools)).await {
            Ok(decision) if decision.effect == Effect::Allow => self.hub.explain_unknown(error),
            _ => error,
        }
    }
}

#[async_trait]
impl Gateway for McpGateway {
    fn profile(&self) -> &ProfileName {
        self.hub.profile.name()
    }

    async fn dispatch(&self, ctx: &CallContext, mut request: Request) -> Result<Response> {
        if request.target.is_some() || request.described.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, "a request's target is looked up by the gateway alone"));
        }
        let by_exec = self.hub.unwrap_exec(ctx, &mut request).await;
        if let Some(activation) = self.hub.unwrap_activation(ctx, &request).await {
            return self.activate(ctx, activation).await;
        }
        // Before the name is looked up: a server that takes another's place meanwhile is then found to be another.
        let mut slots = self.hub.slots_of(ctx.session.as_ref());
        let mut found = self.hub.find(ctx, &request).await;
        if found.is_none() && request.subject().is_some() && !request.kind.is_about_task() {
            // The name may belong to a server that was never seen.
            self.hub.get_to_know(ctx).await;
            slots = self.hub.slots_of(ctx.session.as_ref());
            let unseen = || self.hub.find_unseen(ctx, &request).map(|target| (target, None));
            found = self.hub.find(ctx, &request).await.or_else(unseen);
        }
        let is_unknown = found.is_none();
        if let Some((target, described)) = found {
            request.target = Some(target);
            request.described = described;
        }
        match self.pass(ctx, request, slots, by_exec.then_some("mcp-exec")).await {
            Err(error) if is_unknown && error.kind() == ErrorKind::NotFound => {
                let error = self.explain(ctx, error).await;
                // Whoever has called by `mcp-exec` can find what it has meant.
                if by_exec && error.kind() == ErrorKind::NotFound { unknown_tool(&error) } else { Err(error) }
            }
            answer => answer,
        }
    }

    async fn introduce(&self, capabilities: &ClientCapabilities) -> Introduction {
        self.hub.view_for(capabilities).await.introduction().clone()
    }

    async fn header_schema(&self, session: Option<&SessionId>, name: &str) -> Option<RawJson> {
        let view = self.hub.view_of(session).await;
        view.header_schema(&view.find(RequestKind::CallTool, name)?)
    }

    async fn attach_link(&self, session: &SessionId, link: Arc<dyn ClientLink>) -> Result<()> {
        self.hub.attach_link(session, link)
    }

    async fn detach_link(&self, session: &SessionId, link: &Arc<dyn ClientLink>) {
        self.hub.detach_link(session, link);
    }

    async fn roots_changed(&self, session: &SessionId) {
        self.hub.roots_changed(session).await;
    }

    async fn open_session(&self, options: SessionOptions) -> Result<SessionId> {
        self.hub.open_session(options)
    }

    async fn close_session(&self, session: &SessionId) {
        self.hub.close_session(session);
    }

    async fn servers(&self) -> Vec<ServerStatus> {
        self.hub.servers()
    }

    async fn shutdown(&self) {
        self.hub.shutdown().await;
    }
}
