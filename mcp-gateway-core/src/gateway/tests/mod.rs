//! The gateway over servers that live in this process.

mod approvals;
mod dynamic;
mod governed;
mod host;
mod meaning;
mod scoped;
mod surfaces;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

use super::{Gateway, GatewayBuilder, GatewayExt, GatewayOptions, McpGateway, ServerState, SessionOptions};
use crate::audit::{AuditQuery, Outcome};
use crate::catalog::MemoryCatalog;
use crate::error::{ErrorKind, Result};
use crate::model::{CallContext, Effect, ProfileName, SecretEntry, SecretValue, ServerEntry, ServerName, SessionId};
use crate::profile::{
    Isolation, MemoryProfile, PolicyRuleSpec, PolicySpec, Profile, ProfileSpec, RedactionMode, ServerSpec, SurfaceWord,
};
use crate::protocol::{ClientLink, RawJson, Request, RpcError};
use crate::runtime::{MemoryRuntime, MemoryServer, Runtime};
use crate::secrets::{MemoryBroker, SecretKey};

/// A server with the tools it is given; `crash`, `env`, `hang`, `grow` and `progress` do what they say, all others echo.
#[derive(Debug, Default)]
struct Scripted {
    tools: Vec<&'static str>,
    broken: AtomicBool,
    connections: AtomicUsize,
    cancelled: Arc<AtomicUsize>,
    seen: Mutex<BTreeMap<String, String>>,
    slow_start: Option<Arc<tokio::sync::Semaphore>>,
}

impl Scripted {
    fn new(tools: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { tools: tools.to_vec(), ..Self::default() })
    }
}

#[async_trait]
impl MemoryServer for Scripted {
    async fn serve(&self, stream: DuplexStream, env: BTreeMap<String, String>) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().clone_from(&env);
        if self.broken.load(Ordering::SeqCst) {
            return;
        }
        if let Some(gate) = &self.slow_start {
            gate.acquire().await.unwrap().forget();
        }
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        let mut grown = false;
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = message.get("id") else {
                if message["method"] == "notifications/cancelled" {
                    self.cancelled.fetch_add(1, Ordering::SeqCst);
                }
                continue;
            };
            if message["method"] == "server/discover" {
                let error = json!({"code": -32601, "message": "no such method"});
                let answer = json!({"jsonrpc": "2.0", "id": id, "error": error});
                write.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
                continue;
            }
            let mut extra = Vec::new();
            let result = match message["method"].as_str().unwrap() {
                "initialize" => json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {"listChanged": true}},
                    "serverInfo": {"name": "scripted", "version": "1"},
                }),
                "tools/list" => {
                    let tools = self.tools.iter().copied().chain(grown.then_some("grown"));
                    json!({"tools": tools.map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect::<Vec<_>>()})
                }
                "tools/call" => match message["params"]["name"].as_str().unwrap() {
                    "crash" => return,
                    "hang" => continue,
                    "env" => json!({"content": [], "structuredContent": env}),
                    name => {
                        if name == "grow" {
                            grown = true;
                            extra.push(json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
                        }
                        for progress in (1..=2).take(if name == "progress" { 2 } else { 0 }) {
                            let token = &message["params"]["_meta"]["progressToken"];
                            let params = json!({"progressToken": token, "progress": progress});
                            extra.push(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
                        }
                        json!({"content": [], "structuredContent": {"tool": name, "arguments": message["params"]["arguments"]}})
                    }
                },
                other => panic!("{other}"),
            };
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
            for message in extra.iter().chain([&answer]) {
                write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
            }
        }
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl ClientLink for Heard {
    async fn notify(&self, method: &str, _params: Option<RawJson>) -> Result<()> {
        self.0.lock().unwrap().push(method.to_owned());
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

struct Bench {
    spec: ProfileSpec,
    catalog: MemoryCatalog,
    runtime: MemoryRuntime,
    secrets: MemoryBroker,
    options: GatewayOptions,
}

struct Built {
    gateway: McpGateway,
    runtime: Arc<MemoryRuntime>,
    profile: Arc<MemoryProfile>,
}

fn name(text: &str) -> ServerName {
    ServerName::new(text).unwrap()
}

impl Bench {
    fn new() -> Self {
        Self {
            spec: ProfileSpec::new(ProfileName::new("p").unwrap())
                .with_policy(PolicySpec::new().with_default(Effect::Allow)),
            catalog: MemoryCatalog::new("c"),
            runtime: MemoryRuntime::new(),
            secrets: MemoryBroker::new(),
            options: GatewayOptions::default(),
        }
    }

    fn with(self, server: &str, behaviour: &Arc<Scripted>) -> Self {
        self.with_spec(server, behaviour, |_| {})
    }

    fn with_spec(mut self, server: &str, behaviour: &Arc<Scripted>, edit: impl FnOnce(&mut ServerSpec)) -> Self {
        let mut own = ServerSpec { runtime: Some("memory".to_owned()), ..ServerSpec::default() };
        edit(&mut own);
        self.spec = self.spec.with_server(name(server), own);
        let mut entry = ServerEntry::image(name(server), "none");
        entry.secrets =
            vec![SecretEntry { name: format!("{server}.key"), env: "KEY".to_owned(), ..SecretEntry::default() }];
        entry.secrets[0].required = Some(false);
        self.catalog = self.catalog.with_entry(entry);
        self.runtime = self.runtime.with_server(server, Arc::clone(behaviour) as _);
        self
    }

    async fn build(self) -> Built {
        self.build_with(|builder| builder).await
    }

    async fn build_with(self, parts: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Built {
        let runtime = Arc::new(self.runtime);
        let profile = Arc::new(MemoryProfile::new(self.spec));
        let builder = GatewayBuilder::new()
            .with_profile(Arc::clone(&profile) as _)
            .with_catalog(Arc::new(self.catalog))
            .with_secrets(Arc::new(self.secrets))
            .with_runtime(Arc::clone(&runtime) as _)
            .with_options(self.options);
        let gateway = parts(builder).build().await.unwrap();
        Built { gateway, runtime, profile }
    }
}

impl Built {
    async fn tools(&self, ctx: &CallContext) -> Vec<String> {
        self.gateway.list_tools(ctx).await.unwrap().into_iter().map(|tool| tool.key).collect()
    }

    async fn session(&self) -> (CallContext, SessionId, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let session =
            self.gateway.open_session(SessionOptions::new().with_link(Arc::clone(&heard) as _)).await.unwrap();
        (CallContext::local().with_session(session.clone()), session, heard)
    }

    async fn call(&self, ctx: &CallContext, tool: &str) -> Result<Value> {
        self.gateway.call_tool(ctx, tool, &json!({"a": 1})).await.map(|result| result.read().unwrap())
    }
}

/// Waits for a condition, at most ten seconds.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_call_travels_to_its_server_and_back_and_is_recorded() {
    let built = Bench::new()
        .with("one", &Scripted::new(&["alpha"]))
        .with("two", &Scripted::new(&["alpha", "beta"]))
        .build()
        .await;
    let ctx = CallContext::local();
    assert_eq!(built.tools(&ctx).await, ["alpha", "two__alpha", "beta"]);
    for (asked, meant) in [("alpha", "alpha"), ("two__alpha", "alpha"), ("two.beta", "beta"), ("one.alpha", "alpha")] {
        let answer = built.call(&ctx, asked).await.unwrap();
        assert_eq!(answer["structuredContent"], json!({"tool": meant, "arguments": {"a": 1}}), "{asked}");
    }
    let records = built.gateway.audit().query(&AuditQuery::all()).await.unwrap();
    let calls: Vec<_> = records.iter().filter(|record| record.event.action == "tools/call").collect();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[1].event.server, Some(name("two")));
    assert_eq!(calls[1].event.name.as_deref(), Some("alpha"));
    assert_eq!(calls[1].event.decision.as_ref().unwrap().effect, Effect::Allow);
    assert_eq!(calls[1].event.shape, Some(json!({"a": "number"})));
    assert!(calls[1].event.instance.is_some());
    assert!(records.iter().any(|record| record.event.action == "server/start"));
    built.gateway.shutdown().await;
    let records = built.gateway.audit().query(&AuditQuery::all()).await.unwrap();
    assert_eq!(records.iter().filter(|record| record.event.action == "server/stop").count(), 2);
    assert!(built.runtime.list().await.unwrap().is_empty());
    assert_eq!(built.call(&ctx, "alpha").await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_recorded_surface_is_listed_without_starting_anything() {
    let first = Bench::new().with("one", &Scripted::new(&["alpha"])).build().await;
    first.tools(&CallContext::local()).await;
    first.gateway.shutdown().await;
    let lock = first.profile.lock().await.unwrap();
    assert_eq!(lock.names.tools["alpha"], "one.alpha");

    let bench = Bench::new().with("one", &Scripted::new(&["alpha"]));
    let runtime = Arc::new(bench.runtime);
    let gateway = GatewayBuilder::new()
        .with_profile(Arc::new(MemoryProfile::new(bench.spec).with_lock(lock)))
        .with_catalog(Arc::new(bench.catalog))
        .with_runtime(Arc::clone(&runtime) as _)
        .build()
        .await
        .unwrap();
    assert_eq!(gateway.list_tools(&CallContext::local()).await.unwrap().len(), 1);
    assert_eq!(runtime.started(), 0);
    assert_eq!(gateway.servers().await[0].state, ServerState::Recorded);
}

#[tokio::test]
async fn concurrent_first_calls_share_one_start() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let slow = Arc::new(Scripted { tools: vec!["alpha"], slow_start: Some(Arc::clone(&gate)), ..Scripted::default() });
    let built = Arc::new(Bench::new().with("one", &slow).build().await);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let built = Arc::clone(&built);
            tokio::spawn(async move { built.call(&CallContext::local(), "one.alpha").await })
        })
        .collect();
    until("the start is under way", async || slow.connections.load(Ordering::SeqCst) == 1).await;
    gate.add_permits(1);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(built.runtime.started(), 1);
}

#[tokio::test]
async fn a_crash_kills_its_call_and_the_next_call_gets_a_fresh_server() {
    let built = Bench::new().with("one", &Scripted::new(&["crash", "alpha"])).build().await;
    let ctx = CallContext::local();
    built.call(&ctx, "alpha").await.unwrap();
    let error = built.call(&ctx, "crash").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerExited);
    built.call(&ctx, "alpha").await.unwrap();
    assert_eq!(built.runtime.started(), 2);
    assert_eq!(built.gateway.servers().await[0].state, ServerState::Running);
}

#[tokio::test]
async fn one_broken_server_is_shown_with_its_reason_and_harms_nobody() {
    let broken = Scripted::new(&["x"]);
    broken.broken.store(true, Ordering::SeqCst);
    let mut bench = Bench::new().with("bad", &broken).with("good", &Scripted::new(&["alpha"]));
    bench.spec = bench.spec.with_server(name("missing"), ServerSpec::default());
    let built = bench.build().await;
    let ctx = CallContext::local();
    let list =
        built.gateway.dispatch(&ctx, Request::list(crate::protocol::ListKind::Tools)).await.unwrap().result.unwrap();
    let list: Value = list.read().unwrap();
    assert_eq!(list["tools"].as_array().unwrap().len(), 1);
    let unavailable = list["_meta"]["mcp-gateway/unavailable"].to_string();
    assert!(
        unavailable.contains("server exited before the handshake") && unavailable.contains("is in no catalog"),
        "{unavailable}"
    );
    built.call(&ctx, "alpha").await.unwrap();
    let error = built.call(&ctx, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let hints = error.hints().collect::<Vec<_>>().join("; ");
    assert!(hints.contains("server `bad`") && hints.contains("server `missing`"), "{hints}");
    let states: Vec<_> = built.gateway.servers().await.into_iter().map(|server| server.state).collect();
    assert_eq!(states, [ServerState::Failed, ServerState::Running, ServerState::Refused]);
    // The failed server is not tried again at once, however often it is asked for.
    let before = broken.connections.load(Ordering::SeqCst);
    built.tools(&ctx).await;
    assert_eq!(broken.connections.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn sessions_have_servers_of_their_own_and_give_them_back() {
    let one = Scripted::new(&["alpha"]);
    let shared = Scripted::new(&["beta"]);
    let built = Bench::new()
        .with("one", &one)
        .with_spec("two", &shared, |spec| spec.isolation = Some(Isolation::Shared))
        .build()
        .await;
    let (first, first_id, _) = built.session().await;
    let (second, _, _) = built.session().await;
    for ctx in [&first, &second] {
        built.call(ctx, "alpha").await.unwrap();
        built.call(ctx, "beta").await.unwrap();
    }
    assert_eq!(one.connections.load(Ordering::SeqCst), 2);
    assert_eq!(shared.connections.load(Ordering::SeqCst), 1);
    built.gateway.close_session(&first_id).await;
    until("the session's server is gone", async || built.runtime.list().await.unwrap().len() == 2).await;
    assert_eq!(built.call(&first, "alpha").await.unwrap_err().kind(), ErrorKind::Closed);
    built.call(&second, "alpha").await.unwrap();
}

#[tokio::test]
async fn call_isolation_gives_each_call_a_fresh_server_from_the_pool() {
    let one = Scripted::new(&["alpha"]);
    let built = Bench::new().with_spec("one", &one, |spec| spec.isolation = Some(Isolation::Call)).build().await;
    let ctx = CallContext::local();
    built.tools(&ctx).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        built.call(&ctx, "alpha").await.unwrap();
        let records = built.gateway.audit().query(&AuditQuery::newest(100)).await.unwrap();
        let call = records.iter().rev().find(|record| record.event.action == "tools/call").unwrap();
        assert!(seen.insert(call.event.instance.clone()), "an instance served two calls");
    }
    until("two wait in the pool, paused", async || {
        let list = built.runtime.list().await.unwrap();
        list.len() == 2 && list.iter().all(|status| status.state == "paused")
    })
    .await;
    built.gateway.shutdown().await;
    assert!(built.runtime.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn idle_servers_are_stopped_and_come_back() {
    let built = Bench::new()
        .with_spec("one", &Scripted::new(&["alpha"]), |spec| spec.idle = Some("100ms".to_owned()))
        .build()
        .await;
    let ctx = CallContext::local();
    built.call(&ctx, "alpha").await.unwrap();
    until("the idle server is stopped", async || built.runtime.list().await.unwrap().is_empty()).await;
    built.call(&ctx, "alpha").await.unwrap();
    assert_eq!(built.runtime.started(), 2);
}

#[tokio::test]
async fn a_changed_surface_is_told_once_and_listed() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["grow"]));
    bench.spec.surfaces.additions = SurfaceWord::Accept;
    let built = bench.build().await;
    let (ctx, _, heard) = built.session().await;
    assert_eq!(built.tools(&ctx).await, ["grow"]);
    heard.0.lock().unwrap().clear();
    built.call(&ctx, "grow").await.unwrap();
    until("the change is told", async || !heard.0.lock().unwrap().is_empty()).await;
    assert_eq!(*heard.0.lock().unwrap(), ["notifications/tools/list_changed"]);
    assert_eq!(built.tools(&ctx).await, ["grow", "grown"]);
    built.gateway.shutdown().await;
    let lock = built.profile.lock().await.unwrap();
    assert_eq!(lock.servers["one"].surface.as_ref().unwrap().tools.len(), 2);
}

#[tokio::test]
async fn tools_that_are_filtered_out_are_neither_listed_nor_callable() {
    let mut bench =
        Bench::new().with_spec("one", &Scripted::new(&["alpha", "beta"]), |spec| spec.tools = vec!["a*".to_owned()]);
    bench = bench.with("two", &Scripted::new(&["gamma", "delta"]));
    bench.spec.tools = vec!["one:*".to_owned(), "two:gamma".to_owned()];
    let built = bench.build().await;
    let ctx = CallContext::local();
    assert_eq!(built.tools(&ctx).await, ["alpha", "gamma"]);
    for hidden in ["beta", "one.beta", "one__beta", "delta", "two.delta"] {
        assert_eq!(built.call(&ctx, hidden).await.unwrap_err().kind(), ErrorKind::NotFound, "{hidden}");
    }
    let records = built.gateway.audit().query(&AuditQuery::all()).await.unwrap();
    assert_eq!(records.iter().filter(|record| record.event.outcome == Outcome::Denied).count(), 5);
}

#[tokio::test]
async fn the_profiles_policy_decides() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["alpha", "drop"]));
    let mut rule = PolicyRuleSpec::new("one.drop", Effect::Deny);
    rule.reason = "done by people".to_owned();
    bench.spec.policy.rules = vec![rule, PolicyRuleSpec::new("one.*", Effect::HardConfirm)];
    let built = bench.build().await;
    let ctx = CallContext::local();
    let error = built.call(&ctx, "drop").await.unwrap_err();
    assert_eq!(error.to_string(), "`one.drop` is denied by policy (rule: one.drop, reason: done by people)");
    let error = built.call(&ctx, "alpha").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "nobody can be asked, so it is refused");
}

#[tokio::test]
async fn a_server_receives_only_the_secrets_that_it_declares() {
    let key = |text| SecretKey::parse(text).unwrap();
    let one = Scripted::new(&["env"]);
    let mut bench = Bench::new().with("one", &one);
    bench.secrets = MemoryBroker::new()
        .with_secret(key("KEY"), SecretValue::new("for everyone"))
        .with_secret(key("p/one/KEY"), SecretValue::new("for one"))
        .with_secret(key("OTHER"), SecretValue::new("not declared"));
    let built = bench.build().await;
    let answer = built.call(&CallContext::local(), "env").await.unwrap();
    assert_eq!(answer["structuredContent"], json!({"KEY": "***"}), "a server that tells its secret is cut short");
    assert_eq!(one.seen.lock().unwrap()["KEY"], "for one");
    assert_eq!(one.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_secret_names_itself_and_the_command_that_sets_it() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["env"]));
    let mut entry = ServerEntry::image(name("one"), "none");
    entry.secrets = vec![SecretEntry { name: "one.key".to_owned(), env: "KEY".to_owned(), ..SecretEntry::default() }];
    bench.catalog = bench.catalog.with_entry(entry);
    let built = bench.build().await;
    built.tools(&CallContext::local()).await;
    let status = built.gateway.servers().await.remove(0);
    assert_eq!(status.state, ServerState::Failed);
    assert!(status.reason.unwrap().contains("secret `one.key` of server `one` is not set"));
    assert_eq!(built.runtime.started(), 0);
}

#[tokio::test]
async fn a_call_that_is_given_up_tells_the_server() {
    let one = Scripted::new(&["hang"]);
    let built = Bench::new().with("one", &one).build().await;
    let ctx = CallContext::local();
    built.tools(&ctx).await;
    let error = built.call(&ctx.clone().with_timeout(Duration::from_millis(50)), "hang").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let cancel = tokio_util::sync::CancellationToken::new();
    cancel.cancel();
    let error = built.call(&ctx.clone().with_cancellation(cancel), "hang").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    drop(tokio::time::timeout(Duration::from_millis(50), built.call(&ctx, "hang")).await);
    until("the server hears of all that were sent", async || one.cancelled.load(Ordering::SeqCst) >= 2).await;
}

#[tokio::test]
async fn recorded_arguments_are_without_the_servers_secrets() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["alpha"]));
    bench.spec.audit.arguments = true;
    bench.spec.redaction.arguments = Some(RedactionMode::Warn);
    bench.secrets =
        MemoryBroker::new().with_secret(SecretKey::parse("KEY").unwrap(), SecretValue::new("hunter2hunter2"));
    let built = bench.build().await;
    let arguments = json!({"text": "is it hunter2hunter2?"});
    built.gateway.call_tool(&CallContext::local(), "alpha", &arguments).await.unwrap();
    let _ = built.gateway.call_tool(&CallContext::local(), "unknown", &arguments).await;
    let records = built.gateway.audit().query(&AuditQuery::all()).await.unwrap();
    let kept: Vec<_> = records.iter().filter(|record| record.event.action == "tools/call").collect();
    assert_eq!(kept[0].event.arguments, Some(json!({"text": "is it ***?"})));
    assert_eq!(kept[1].event.arguments, None, "whose secrets are unknown, its values are not kept");
}
