//! A gateway with real servers, each test with a home of its own.

pub(crate) mod binary;
pub(crate) mod docker;
pub(crate) mod http;
pub(crate) mod registry;
pub(crate) mod stdio;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mcp_gateway_core::audit::AuditStore;
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{
    Gateway as _, GatewayBuilder, GatewayExt as _, GatewayOptions, McpGateway, ServerStatus, SessionOptions,
};
use mcp_gateway_core::model::{
    CallContext, Effect, ProcessEntry, ProcessPackage, ProfileName, ServerEntry, ServerName, SessionId,
};
use mcp_gateway_core::profile::{MemoryProfile, PolicySpec, Profile, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::{ClientLink, ListKind, RawJson, Request, RpcError};
use mcp_gateway_core::runtime::{DockerRuntime, GatewayInstance, InstanceStatus, ProcessRuntime, ProcessRuntimeConfig};
use mcp_gateway_core::secrets::MemoryBroker;
use mcp_gateway_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, waiting).await.is_ok(), "this did not happen: {what}");
}

/// A folder outside of `/tmp`, which sandboxed servers have their own of.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A program of the folder of servers.
pub(crate) fn servers(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name)
}

/// The server with every awkward behaviour.
pub(crate) fn awkward_server() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.join("../examples/awkward-server").canonicalize().expect("cargo builds the example with the tests")
}

pub(crate) fn server_name(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

/// The awkward server as a child process.
pub(crate) fn awkward_entry(name: &str, args: &[&str]) -> ServerEntry {
    let mut process = ProcessEntry::new(ProcessPackage::Command(awkward_server().display().to_string()));
    process.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    ServerEntry::process(server_name(name), process)
}

/// What a gateway is made of.
pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) spec: ProfileSpec,
    pub(crate) catalog: MemoryCatalog,
    pub(crate) secrets: MemoryBroker,
    pub(crate) options: GatewayOptions,
    pub(crate) audit: Option<Arc<dyn AuditStore>>,
    pub(crate) profile: Option<Arc<dyn Profile>>,
    pub(crate) process: ProcessRuntimeConfig,
    docker: Option<String>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let home = folder();
        let mut options = GatewayOptions::default();
        options.list_wait = LIMIT;
        let mut process = ProcessRuntimeConfig::new(home.path().join("packages"));
        process.grace = Duration::from_millis(500);
        Self {
            spec: ProfileSpec::new(ProfileName::new("p").unwrap())
                .with_policy(PolicySpec::new().with_default(Effect::Allow)),
            catalog: MemoryCatalog::new("test"),
            secrets: MemoryBroker::new(),
            options,
            audit: None,
            profile: None,
            process,
            docker: None,
            home,
        }
    }

    /// The awkward server as a child process, with these flags.
    pub(crate) fn with(self, name: &str, args: &[&str]) -> Self {
        self.with_entry(awkward_entry(name, args), |_| {})
    }

    pub(crate) fn with_entry(mut self, entry: ServerEntry, edit: impl FnOnce(&mut ServerSpec)) -> Self {
        let mut spec = ServerSpec::default();
        edit(&mut spec);
        self.spec = self.spec.with_server(entry.name.clone(), spec);
        self.catalog = self.catalog.with_entry(entry);
        self
    }

    /// Containers too, of the engine at this address.
    pub(crate) fn with_engine(mut self, host: &str) -> Self {
        self.docker = Some(host.to_owned());
        self
    }

    pub(crate) async fn build(self) -> Running {
        let instance = Arc::new(GatewayInstance::register(&self.home.path().join("run")).unwrap());
        let process = ProcessRuntime::new(self.process, Some(Arc::clone(&instance))).unwrap();
        let profile = self.profile.unwrap_or_else(|| Arc::new(MemoryProfile::new(self.spec)));
        let mut builder = GatewayBuilder::new()
            .with_profile(profile)
            .with_catalog(Arc::new(self.catalog))
            .with_secrets(Arc::new(self.secrets))
            .with_instance(Arc::clone(&instance))
            .with_runtime(Arc::new(process))
            .with_options(self.options);
        if let Some(host) = self.docker {
            let docker = DockerRuntime::builder(Arc::clone(&instance)).with_host(host).build().unwrap();
            builder = builder.with_runtime(Arc::new(docker));
        }
        if let Some(audit) = self.audit {
            builder = builder.with_audit(audit);
        }
        Running { gateway: builder.build().await.unwrap(), home: self.home }
    }
}

/// A gateway that runs.
pub(crate) struct Running {
    pub(crate) gateway: McpGateway,
    pub(crate) home: TempDir,
}

impl Running {
    /// Calls a tool and gives its whole result.
    pub(crate) async fn result(&self, ctx: &CallContext, tool: &str, arguments: Value) -> Result<Value> {
        self.gateway.call_tool(ctx, tool, &arguments).await?.read()
    }

    /// Calls a tool and gives its text.
    pub(crate) async fn call(&self, ctx: &CallContext, tool: &str, arguments: Value) -> Result<String> {
        let result = self.result(ctx, tool, arguments).await?;
        Ok(result["content"][0]["text"].as_str().unwrap_or_default().to_owned())
    }

    /// Calls `echo` of a server and checks its answer.
    pub(crate) async fn echoes(&self, ctx: &CallContext, server: &str) {
        let text = self.call(ctx, &format!("{server}.echo"), json!({"text": "hello"})).await;
        assert_eq!(text.unwrap_or_else(|error| panic!("{server}: {}", error.report())), "hello");
    }

    /// Calls a tool that must fail.
    pub(crate) async fn error(&self, ctx: &CallContext, tool: &str, arguments: Value) -> Error {
        match self.call(ctx, tool, arguments).await {
            Ok(text) => panic!("{tool} answered {text:?}"),
            Err(error) => error,
        }
    }

    pub(crate) async fn tools(&self, ctx: &CallContext) -> Vec<String> {
        self.gateway.list_tools(ctx).await.unwrap().into_iter().map(|tool| tool.key).collect()
    }

    /// The servers that a list names as not available, with their reasons.
    pub(crate) async fn unavailable(&self, ctx: &CallContext) -> Value {
        let answer = self.gateway.dispatch(ctx, Request::list(ListKind::Tools)).await.unwrap();
        let list: Value = answer.result.unwrap().read().unwrap();
        list["_meta"]["mcp-gateway/unavailable"].clone()
    }

    pub(crate) async fn status(&self, server: &str) -> ServerStatus {
        let servers = self.gateway.servers().await;
        servers.into_iter().find(|status| status.name.as_str() == server).unwrap()
    }

    /// A session of a client that listens.
    pub(crate) async fn session(&self) -> (CallContext, SessionId, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let options = SessionOptions::new().with_link(Arc::clone(&heard) as _);
        let session = self.gateway.open_session(options).await.unwrap();
        (CallContext::local().with_session(session.clone()), session, heard)
    }

    pub(crate) async fn instances(&self) -> Vec<InstanceStatus> {
        self.gateway.instances().await.unwrap()
    }

    pub(crate) async fn until_running(&self, count: usize) {
        until(&format!("{count} servers run"), async || self.instances().await.len() == count).await;
    }

    /// Shuts down, after which nothing may be left.
    pub(crate) async fn end(self) {
        tokio::time::timeout(LIMIT, self.gateway.shutdown()).await.expect("the gateway shuts down");
        assert_eq!(self.instances().await, [], "nothing is left behind");
        let late = self.gateway.list_tools(&CallContext::local()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Closed);
    }
}

/// A client that remembers what it is told.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<(String, Value)>>);

impl Heard {
    pub(crate) fn count(&self, method: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|(heard, _)| heard == method).count()
    }
}

#[async_trait]
impl ClientLink for Heard {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let params = params.map(|params| params.read().unwrap()).unwrap_or_default();
        self.0.lock().unwrap().push((method.to_owned(), params));
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}
