//! Every `Runtime`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcp_gateway_core::model::{CallContext, InstanceId, ProfileName, RemoteTransport, ServerName, SessionId};
use mcp_gateway_core::protocol::{ClientHello, RawJson, RawObject, RpcError};
use mcp_gateway_core::runtime::{
    GatewayInstance, LaunchPlan, LaunchTarget, MemoryRuntime, MemoryServer, Owner, RemotePlan, Runtime, Silent,
};
use mcp_gateway_core::transport::client::{Cause, Peer, PeerRequest, ServerEvents};
use mcp_gateway_core::{ErrorKind, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

/// How long anything may take on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// What is checked: how runtimes of a home are made, and a server that answers pings.
pub(crate) struct Subject {
    pub(crate) home: TempDir,
    pub(crate) make: fn(&Path, Arc<GatewayInstance>) -> Arc<dyn Runtime>,
    pub(crate) target: LaunchTarget,
}

/// A gateway of the home with its runtime.
struct Own {
    instance: Arc<GatewayInstance>,
    runtime: Arc<dyn Runtime>,
    target: LaunchTarget,
}

/// Checks the runtimes of a home where nothing runs yet.
pub(crate) async fn check_runtime(subject: Subject) {
    let own = subject.own().await;
    assert!(!own.runtime.name().is_empty());
    own.runtime.check().await.unwrap();
    a_server_answers_is_listed_with_its_owner_and_stops(&own).await;
    stopping_what_is_not_there_succeeds(&own).await;
    a_dropped_connection_stops_its_server(&own).await;
    a_start_that_is_given_up_leaves_nothing(&own).await;
    servers_are_stopped_one_by_one(&own).await;
    a_paused_server_goes_on_where_that_is_possible(&own).await;
    targets_of_others_are_unsupported(&own).await;
    the_sweep_takes_from_the_dead_only(&subject, &own).await;
}

impl Subject {
    async fn own(&self) -> Own {
        let instance = Arc::new(GatewayInstance::register(&self.home.path().join("run")).unwrap());
        let runtime = (self.make)(self.home.path(), Arc::clone(&instance));
        let mut target = self.target.clone();
        let ctx = CallContext::local();
        let identity = runtime.identify(&ctx, &target).await.unwrap();
        assert_eq!(runtime.identify(&ctx, &target).await.unwrap(), identity, "it is the same every time");
        if let LaunchTarget::Container(container) = &mut target {
            container.image_id = Some(identity.value.clone());
        }
        runtime.prepare(&ctx, &target, &identity, Arc::new(Silent::default())).await.unwrap();
        Own { instance, runtime, target }
    }
}

impl Own {
    fn plan(&self) -> LaunchPlan {
        let mut owner =
            Owner::new(self.instance.id(), ProfileName::new("dev").unwrap(), ServerName::new("tiny").unwrap());
        owner.session = Some(SessionId::new("s1").unwrap());
        LaunchPlan::new(owner, self.target.clone())
    }

    async fn start(&self) -> (InstanceId, Peer) {
        let running = self.runtime.start(&CallContext::local(), self.plan()).await.unwrap();
        let peer = Peer::new(running.connection, Arc::new(Deaf));
        peer.initialize(&CallContext::local(), &ClientHello::of_gateway(json!({})), LIMIT).await.unwrap();
        (running.id, peer)
    }

    async fn ids(&self) -> Vec<InstanceId> {
        self.runtime.list().await.unwrap().into_iter().map(|status| status.id).collect()
    }

    async fn until_ids_are(&self, wanted: &[&InstanceId]) {
        let waiting = async {
            while self.ids().await.iter().collect::<Vec<_>>() != wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(LIMIT, waiting).await.is_err() {
            assert_eq!(self.ids().await.iter().collect::<Vec<_>>(), wanted);
        }
    }
}

async fn ping(peer: &Peer) -> Result<()> {
    let answer = peer.request(&CallContext::local(), PeerRequest::new("ping", RawObject::default(), LIMIT)).await?;
    assert_eq!(answer.unwrap().get(), "{}");
    Ok(())
}

#[derive(Debug)]
struct Deaf;

#[async_trait]
impl ServerEvents for Deaf {
    async fn request(
        &self,
        method: String,
        _params: Option<RawJson>,
        _cause: Cause,
    ) -> std::result::Result<RawJson, RpcError> {
        Err(RpcError::method_not_found(&method))
    }

    async fn notification(&self, _method: String, _params: Option<RawJson>, _cause: Cause) {}
}

async fn a_server_answers_is_listed_with_its_owner_and_stops(own: &Own) {
    assert_eq!(own.ids().await, []);
    let (id, peer) = own.start().await;
    ping(&peer).await.unwrap();
    let listed = own.runtime.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].id, listed[0].runtime.as_str()), (&id, own.runtime.name()));
    assert_eq!(listed[0].owner, own.plan().owner);
    assert_eq!(listed[0].state, "running");
    own.runtime.stop(&id).await.unwrap();
    own.until_ids_are(&[]).await;
    tokio::time::timeout(LIMIT, peer.closed()).await.unwrap();
    assert!(ping(&peer).await.is_err());
}

async fn stopping_what_is_not_there_succeeds(own: &Own) {
    let (id, _peer) = own.start().await;
    for _ in 0..2 {
        own.runtime.stop(&id).await.unwrap();
    }
    own.runtime.stop(&InstanceId::new("never-was-there").unwrap()).await.unwrap();
    own.until_ids_are(&[]).await;
}

async fn a_dropped_connection_stops_its_server(own: &Own) {
    let running = own.runtime.start(&CallContext::local(), own.plan()).await.unwrap();
    drop(running.connection);
    own.until_ids_are(&[]).await;
    let (_, peer) = own.start().await;
    peer.close().await;
    own.until_ids_are(&[]).await;
}

async fn a_start_that_is_given_up_leaves_nothing(own: &Own) {
    for wait in [0, 1, 5, 20, 100] {
        let ctx = CallContext::local();
        let start = own.runtime.start(&ctx, own.plan());
        // Whether it was in time or not: what it gave is dropped here.
        let _ = tokio::time::timeout(Duration::from_millis(wait), start).await;
    }
    own.until_ids_are(&[]).await;
}

async fn servers_are_stopped_one_by_one(own: &Own) {
    let (first, one) = own.start().await;
    let (second, two) = own.start().await;
    own.runtime.stop(&first).await.unwrap();
    own.until_ids_are(&[&second]).await;
    assert!(ping(&one).await.is_err());
    ping(&two).await.unwrap();
    own.runtime.stop(&second).await.unwrap();
    own.until_ids_are(&[]).await;
}

async fn a_paused_server_goes_on_where_that_is_possible(own: &Own) {
    let (id, peer) = own.start().await;
    let paused = own.runtime.pause(&id).await;
    if own.runtime.capability().pause {
        paused.unwrap();
        own.runtime.unpause(&id).await.unwrap();
        ping(&peer).await.unwrap();
        // Frozen servers end like others.
        own.runtime.pause(&id).await.unwrap();
    } else {
        assert_eq!(paused.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    own.runtime.stop(&id).await.unwrap();
    own.until_ids_are(&[]).await;
}

async fn targets_of_others_are_unsupported(own: &Own) {
    let mut plan = own.plan();
    plan.target = LaunchTarget::Remote(RemotePlan::new("https://example.test/mcp", RemoteTransport::StreamableHttp));
    let ctx = CallContext::local();
    let refused = [
        own.runtime.identify(&ctx, &plan.target).await.unwrap_err(),
        own.runtime.start(&ctx, plan.clone()).await.unwrap_err(),
        own.runtime.run_once(&ctx, plan).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", error.report());
    }
}

/// A gateway that dies with everything that it was doing must not live on in its servers.
async fn the_sweep_takes_from_the_dead_only(subject: &Subject, own: &Own) {
    let (living, peer) = own.start().await;
    let (home, make, target) = (subject.home.path().to_owned(), subject.make, own.target.clone());
    // Its tasks are gone with their executor, without a chance to tidy up.
    let dying = std::thread::spawn(move || {
        let executor = tokio::runtime::Runtime::new().unwrap();
        let left = executor.block_on(async {
            let instance = Arc::new(GatewayInstance::register(&home.join("run")).unwrap());
            let runtime = make(&home, Arc::clone(&instance));
            let dying = Own { instance, runtime, target };
            let (id, peer) = dying.start().await;
            (id, peer, dying)
        });
        executor.shutdown_background();
        left.0
    });
    let left = tokio::task::spawn_blocking(|| dying.join().unwrap()).await.unwrap();
    let swept = own.runtime.sweep().await.unwrap();
    assert!(swept.iter().all(|id| *id == left), "{swept:?}");
    own.until_ids_are(&[&living]).await;
    ping(&peer).await.unwrap();
    assert_eq!(own.runtime.sweep().await.unwrap(), [], "there is nothing left to sweep");
    own.runtime.stop(&living).await.unwrap();
    own.until_ids_are(&[]).await;
}

// === Implementations ===

/// A server that shakes hands and answers pings.
#[derive(Debug)]
struct Tiny;

#[async_trait]
impl MemoryServer for Tiny {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            let result = match message["method"].as_str() {
                Some("initialize") => {
                    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "tiny", "version": "1"}})
                }
                _ => json!({}),
            };
            if let Some(id) = message.get("id") {
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn memory() {
    let subject = Subject {
        home: TempDir::new().unwrap(),
        make: |_, _| Arc::new(MemoryRuntime::new().with_server("tiny", Arc::new(Tiny))),
        target: LaunchTarget::Memory("tiny".to_owned()),
    };
    check_runtime(subject).await;
}

#[cfg(all(feature = "runtime-process", target_os = "linux"))]
#[tokio::test]
async fn process() {
    use mcp_gateway_core::model::ProcessPackage;
    use mcp_gateway_core::runtime::{ProcessPlan, ProcessRuntime, ProcessRuntimeConfig};

    let mut program = std::env::current_exe().unwrap();
    program.pop();
    let program = program.join("../examples/awkward-server").canonicalize().unwrap();
    for bubblewrap in [true, false] {
        let subject = Subject {
            // Not in `/tmp`, of which a sandboxed server has its own.
            home: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            make: if bubblewrap {
                |home, own| process_runtime(home, own, true)
            } else {
                |home, own| process_runtime(home, own, false)
            },
            target: LaunchTarget::Process(ProcessPlan::new(ProcessPackage::Command(program.display().to_string()))),
        };
        let home = subject.home.path().display().to_string();
        check_runtime(subject).await;
        let gone = async {
            while !processes(&home).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(LIMIT, gone).await.is_ok(), "left behind: {:?}", processes(&home));
    }

    /// The processes that have this folder in their command line or environment, whatever their runtime knows of them.
    #[expect(clippy::disallowed_methods, reason = "what the runtime does not know of is looked for in /proc itself")]
    fn processes(home: &str) -> Vec<String> {
        let names = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let tells = |path: &std::path::PathBuf| {
            ["cmdline", "environ"].iter().any(|file| {
                std::fs::read(path.join(file)).is_ok_and(|text| String::from_utf8_lossy(&text).contains(home))
            })
        };
        names.filter(tells).map(|path| path.display().to_string()).collect()
    }

    fn process_runtime(home: &Path, own: Arc<GatewayInstance>, bubblewrap: bool) -> Arc<dyn Runtime> {
        let mut config = ProcessRuntimeConfig::new(home.join("packages"));
        config.bubblewrap = bubblewrap;
        Arc::new(ProcessRuntime::new(config, Some(own)).unwrap())
    }
}

#[cfg(feature = "runtime-docker")]
#[tokio::test]
async fn docker() {
    use mcp_gateway_core::model::ImageReference;
    use mcp_gateway_core::runtime::{ContainerPlan, DockerRuntime};
    use mcp_gateway_core::util::env_vars;

    let home = TempDir::new().unwrap();
    let mut plan = ContainerPlan::new(ImageReference::parse("mcp-gateway-test/awkward:1").unwrap());
    // The sweep has something to do only where a server goes on without its input.
    plan.command = vec!["--ignore-eof".to_owned()];
    let subject = Subject {
        make: |_, own| Arc::new(DockerRuntime::builder(own).build().unwrap()),
        target: LaunchTarget::Container(plan),
        home,
    };
    let instance = Arc::new(GatewayInstance::register(&subject.home.path().join("run")).unwrap());
    let runtime = (subject.make)(subject.home.path(), instance);
    let ready = match runtime.check().await {
        Ok(()) => runtime.identify(&CallContext::local(), &subject.target).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = ready {
        let demanded = env_vars::get("MCP_GATEWAY_TEST").is_some_and(|wanted| wanted == "docker");
        assert!(!demanded, "{}", error.report());
        eprintln!("skipped: {}", error.report());
        return;
    }
    drop(runtime);
    check_runtime(subject).await;
}
