//! A gateway over servers of both eras.

use std::sync::Arc;

use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway as _, GatewayBuilder, GatewayHost, GatewayOptions, McpGateway};
use mcp_gateway_core::model::{Effect, Principal, ProfileName, ServerEntry, ServerName};
use mcp_gateway_core::policy::{Policy, RulePolicy};
use mcp_gateway_core::profile::{Isolation, MemoryProfile, PolicySpec, ProfileSpec, ServerSpec, SurfaceWord};
use mcp_gateway_core::protocol::Era;
use mcp_gateway_core::runtime::MemoryRuntime;
use mcp_gateway_core::transport::server::{StreamConfig, connect_memory};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, until};
use crate::server::{Served, Server};

/// A gateway with a server `old` of the session era and a server `new` of the stateless one.
pub(crate) struct Bench {
    pub(crate) old: Arc<Server>,
    pub(crate) new: Arc<Server>,
    pub(crate) gateway: McpGateway,
    host: GatewayHost,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}, |host| host).await
    }

    pub(crate) async fn with(
        edit: impl Fn(&mut ServerSpec, &mut GatewayOptions),
        host: impl FnOnce(GatewayHost) -> GatewayHost,
    ) -> Self {
        Self::governed(edit, host, Arc::new(RulePolicy::allow_all())).await
    }

    pub(crate) async fn governed(
        edit: impl Fn(&mut ServerSpec, &mut GatewayOptions),
        host: impl FnOnce(GatewayHost) -> GatewayHost,
        policy: Arc<dyn Policy>,
    ) -> Self {
        let (old, new) = (Server::new(Era::Session), Server::new(Era::Stateless));
        let mut options = GatewayOptions::default();
        let own_policy = PolicySpec::new().with_default(Effect::Allow);
        let mut spec = ProfileSpec::new(ProfileName::new("eras").unwrap()).with_policy(own_policy);
        // Its servers grow, and offer more to clients that can do more.
        spec.surfaces.additions = SurfaceWord::Accept;
        let (mut catalog, mut runtime) = (MemoryCatalog::new("eras"), MemoryRuntime::new());
        for (name, server) in [("old", &old), ("new", &new)] {
            let mut own = ServerSpec::default();
            own.runtime = Some("memory".to_owned());
            own.isolation = Some(Isolation::Session);
            edit(&mut own, &mut options);
            let name = ServerName::new(name).unwrap();
            spec = spec.with_server(name.clone(), own);
            catalog = catalog.with_entry(ServerEntry::image(name.clone(), "none"));
            runtime = runtime.with_server(name.as_str(), Arc::new(Served(Arc::clone(server))));
        }
        let gateway = GatewayBuilder::new()
            .with_profile(Arc::new(MemoryProfile::new(spec)))
            .with_catalog(Arc::new(catalog))
            .with_runtime(Arc::new(runtime))
            .with_options(options)
            .with_policy(policy)
            .build()
            .await
            .unwrap();
        let host = host(GatewayHost::new(Arc::new(gateway.clone())));
        Self { old, new, gateway, host }
    }

    /// A connection that has said nothing yet.
    pub(crate) async fn connect(&self, principal: &str) -> Client {
        let host = Arc::new(self.host.clone());
        let shutdown = CancellationToken::new();
        let client = connect_memory(host, Principal::new(principal), StreamConfig::default(), shutdown).await.unwrap();
        Client::new(client)
    }

    /// Waits until no session is open and no server runs.
    pub(crate) async fn settled(&self) {
        let is_idle = || {
            let counted = self.gateway.metrics().render();
            ["mcp_gateway_sessions_active 0", "mcp_gateway_servers_running 0"].iter().all(|line| counted.contains(line))
        };
        until("every session and server has ended", is_idle).await;
    }

    pub(crate) async fn shutdown(&self) {
        self.gateway.shutdown().await;
    }
}
