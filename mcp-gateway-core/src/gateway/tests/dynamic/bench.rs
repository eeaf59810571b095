//! A gateway that lets agents add servers of this process.

use super::super::*;
use crate::approval::ApprovalQueue;
use crate::audit::AuditRecord;
use crate::catalog::Catalog;
use crate::gateway::SessionOptions;
use crate::profile::{DynamicSpec, LockChange, MemoryProfiles, ProfileLock, SpecChange};
use crate::protocol::ClientCapabilities;

/// A profile whose servers all live in this process, those that come later too.
#[derive(Debug)]
pub(super) struct InProcess(pub(super) MemoryProfile);

fn in_process(spec: &mut ProfileSpec) {
    for server in spec.servers.values_mut() {
        server.runtime = Some("memory".to_owned());
    }
}

#[async_trait]
impl Profile for InProcess {
    fn name(&self) -> &ProfileName {
        self.0.name()
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        self.0.spec().await
    }

    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec> {
        let edit = |spec: &mut ProfileSpec| {
            change(spec)?;
            in_process(spec);
            Ok(())
        };
        self.0.update(Box::new(edit)).await
    }

    async fn spec_with(&self, server: &ServerName, settings: ServerSpec) -> Result<ProfileSpec> {
        let mut spec = self.0.spec_with(server, settings).await?;
        in_process(&mut spec);
        Ok(spec)
    }

    async fn lock(&self) -> Result<ProfileLock> {
        self.0.lock().await
    }

    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock> {
        self.0.update_lock(change).await
    }
}

/// A client that keeps what it is told and asked, and answers every form with this.
#[derive(Debug, Default)]
pub(super) struct Agent {
    pub(super) told: Mutex<Vec<(String, Value)>>,
    pub(super) asked: Mutex<Vec<Value>>,
    pub(super) answer: Mutex<Value>,
}

#[async_trait]
impl ClientLink for Agent {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let params = params.map(|params| params.read().unwrap()).unwrap_or_default();
        self.told.lock().unwrap().push((method.to_owned(), params));
        Ok(())
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        assert_eq!(method, "elicitation/create");
        self.asked.lock().unwrap().push(params.unwrap().read().unwrap());
        Ok(Ok(RawJson::from_value(&*self.answer.lock().unwrap()).unwrap()))
    }
}

impl Agent {
    pub(super) fn was_told(&self, method: &str) -> bool {
        self.told.lock().unwrap().iter().any(|(told, _)| told == method)
    }
}

/// The servers that there are; none of them is in the profile.
pub(super) struct Plan {
    pub(super) bench: Bench,
    pub(super) queue: Option<ApprovalQueue>,
    /// In place of the catalog of the bench.
    pub(super) catalog: Option<Arc<dyn Catalog>>,
    /// The profiles that there are beside its own.
    pub(super) profiles: Option<Arc<MemoryProfiles>>,
}

pub(super) struct Scene {
    pub(super) gateway: McpGateway,
    pub(super) runtime: Arc<MemoryRuntime>,
    pub(super) profile: Arc<InProcess>,
    pub(super) secrets: Arc<MemoryBroker>,
}

impl Plan {
    pub(super) fn new() -> Self {
        let mut bench = Bench::new();
        bench.spec.dynamic = DynamicSpec::on();
        Self { bench, queue: None, catalog: None, profiles: None }
    }

    /// A server of the catalog alone.
    pub(super) fn with(self, server: &str, behaviour: &Arc<Scripted>) -> Self {
        self.with_entry(server, behaviour, |_| {})
    }

    pub(super) fn with_entry(
        mut self,
        server: &str,
        behaviour: &Arc<Scripted>,
        edit: impl FnOnce(&mut ServerEntry),
    ) -> Self {
        let mut entry = ServerEntry::image(name(server), "none");
        entry.description = Some(format!("The server called {server}"));
        edit(&mut entry);
        self.bench.catalog = self.bench.catalog.with_entry(entry);
        self.bench.runtime = self.bench.runtime.with_server(server, Arc::clone(behaviour) as _);
        self
    }

    /// One that the profile has.
    pub(super) fn with_profiled(mut self, server: &str, behaviour: &Arc<Scripted>) -> Self {
        self.bench = self.bench.with(server, behaviour);
        self
    }

    pub(super) fn edit(mut self, edit: impl FnOnce(&mut ProfileSpec)) -> Self {
        edit(&mut self.bench.spec);
        self
    }

    pub(super) async fn build(self) -> Scene {
        let profile = Arc::new(InProcess(MemoryProfile::new(self.bench.spec.clone())));
        let secrets = Arc::new(MemoryBroker::new());
        let (held, queue, broker, catalog) = (Arc::clone(&profile), self.queue, Arc::clone(&secrets), self.catalog);
        let profiles = self.profiles;
        let built = self.bench.build_with(|builder| {
            let builder = builder.with_profile(held as _).with_secrets(broker);
            let builder = match catalog {
                Some(catalog) => builder.with_catalog(catalog),
                None => builder,
            };
            let builder = match profiles {
                Some(profiles) => builder.with_profiles(profiles),
                None => builder,
            };
            match queue {
                Some(queue) => builder.with_approvals(queue),
                None => builder,
            }
        });
        let built = built.await;
        Scene { gateway: built.gateway, runtime: built.runtime, profile, secrets }
    }
}

/// One client in a session of its own.
pub(super) struct Caller {
    pub(super) gateway: McpGateway,
    pub(super) ctx: CallContext,
    pub(super) session: SessionId,
    pub(super) link: Arc<Agent>,
}

impl Scene {
    pub(super) async fn caller(&self) -> Caller {
        self.caller_that(&json!({})).await
    }

    pub(super) async fn caller_that(&self, can: &Value) -> Caller {
        let link = Arc::new(Agent::default());
        let options =
            SessionOptions::new().with_link(Arc::clone(&link) as _).with_capabilities(ClientCapabilities::of(can));
        let session = self.gateway.open_session(options).await.unwrap();
        let ctx = CallContext::local().with_session(session.clone());
        Caller { gateway: self.gateway.clone(), ctx, session, link }
    }

    pub(super) async fn records(&self, action: &str) -> Vec<AuditRecord> {
        let mut records = self.gateway.audit().query(&AuditQuery::all()).await.unwrap();
        records.retain(|record| record.event.action == action);
        records
    }

    pub(super) async fn running(&self) -> usize {
        self.runtime.list().await.unwrap().len()
    }
}

impl Caller {
    pub(super) async fn try_call(&self, tool: &str, arguments: Value) -> Result<Value> {
        let request = Request::call_tool(tool, &arguments).unwrap().with_link(Arc::clone(&self.link) as _);
        let response = self.gateway.dispatch(&self.ctx, request).await?;
        Ok(response.result.unwrap().read().unwrap())
    }

    /// A call whose result is whole: without an error.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.try_call(tool, arguments).await.unwrap();
        assert_ne!(answer["isError"], true, "{answer}");
        answer["structuredContent"].clone()
    }

    /// A call that a tool of the gateway's own answers with what is wrong.
    pub(super) async fn fail(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.try_call(tool, arguments).await.unwrap();
        assert_eq!(answer["isError"], true, "{answer}");
        answer
    }

    pub(super) async fn tools(&self) -> Vec<String> {
        self.gateway.list_tools(&self.ctx).await.unwrap().into_iter().map(|tool| tool.key).collect()
    }
}

/// The tools of the gateway's own, as they are listed.
pub(super) const OWN: [&str; 6] = ["mcp-find", "mcp-add", "mcp-remove", "mcp-config-set", "mcp-exec", "mcp-list"];
