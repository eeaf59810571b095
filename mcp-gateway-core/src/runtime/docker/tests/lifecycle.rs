//! Servers from their start to their end, whoever brings it about.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::support::{
    Bench, ECHO, PATIENCE, STUBBORN, bench, bench_with, container, echo, next, plan, plan_of, runtime_in,
};
use crate::error::ErrorKind;
use crate::model::{CallContext, ImageReference, InstanceId, NetworkRule, SessionId};
use crate::protocol::{Message, RawJson, RequestId};
use crate::runtime::{ContainerPlan, HttpEndpoint, Runtime};
use crate::transport::client::Connection;
use crate::util::env_vars;

/// The variable that makes a run of the tests the gateway that is killed.
const VICTIM_HOME: &str = "MCP_GATEWAY_TEST_VICTIM_HOME";

#[tokio::test]
async fn a_server_talks_is_listed_and_is_paused() {
    let Some(bench) = bench().await else { return };
    let mut plan = plan(ECHO);
    plan.owner.session = Some(SessionId::new("s1").unwrap());
    let mut server = bench.try_start(plan).await.unwrap();
    echo(&mut server.connection, "one").await;
    let listed = bench.runtime.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].runtime.as_str(), listed[0].state.as_str()), ("docker", "running"));
    assert_eq!(listed[0].owner.session.as_ref().map(SessionId::as_str), Some("s1"));
    assert_eq!(listed[0].owner.server.as_str(), "probe");
    assert_eq!(listed[0].image, super::support::BASE);
    assert!(listed[0].memory_bytes.is_some_and(|bytes| bytes > 0) && listed[0].pids.is_some_and(|pids| pids > 0));
    assert!(listed[0].cpu_millis.is_some());
    bench.runtime.pause(&server.id).await.unwrap();
    assert_eq!(bench.state(&server.id).await.as_deref(), Some("paused"));
    server.connection.sink.send(&Message::notification("two", None)).await.unwrap();
    assert!(server.connection.incoming.try_recv().is_err());
    bench.runtime.unpause(&server.id).await.unwrap();
    assert!(
        matches!(next(&mut server.connection).await, Some(Message::Notification { method, .. }) if method == "two")
    );
    bench.runtime.stop(&server.id).await.unwrap();
    assert!(bench.runtime.list().await.unwrap().is_empty());
    assert!(next(&mut server.connection).await.is_none());
    assert_eq!(server.connection.diagnostics.closed().unwrap().message(), "server was stopped");
    bench.runtime.stop(&server.id).await.unwrap();
    bench.runtime.stop(&InstanceId::new("0123456789ab").unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_connection_takes_its_server_with_it() {
    let Some(bench) = bench_with(|builder| builder.with_stop_grace(Duration::from_millis(200))).await else { return };
    let mut polite = bench.start(ECHO).await;
    echo(&mut polite.connection, "one").await;
    let stubborn = bench.start(STUBBORN).await;
    let paused = bench.start(ECHO).await;
    bench.runtime.pause(&paused.id).await.unwrap();
    assert_eq!(bench.runtime.list().await.unwrap().len(), 3);
    drop((polite, stubborn, paused));
    bench.empty().await;
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_its_input_is_killed_after_the_grace() {
    let Some(bench) = bench_with(|builder| builder.with_stop_grace(Duration::from_millis(300))).await else { return };
    let mut server = bench.start(STUBBORN).await;
    assert!(next(&mut server.connection).await.is_some());
    let begun = Instant::now();
    server.connection.sink.close().await;
    assert!(next(&mut server.connection).await.is_none());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.connection.diagnostics.closed().unwrap().message(), "server went on after the end of its input");
    bench.empty().await;
    // Asked to stop, it is given the same time.
    let server = bench.start(STUBBORN).await;
    bench.runtime.stop(&server.id).await.unwrap();
    assert!(bench.runtime.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_polite_server_ends_with_its_input() {
    let Some(bench) = bench().await else { return };
    let mut server = bench.start(ECHO).await;
    echo(&mut server.connection, "one").await;
    server.connection.sink.close().await;
    assert!(next(&mut server.connection).await.is_none());
    assert_eq!(server.connection.diagnostics.closed().unwrap().message(), "server exited with code 0");
    bench.empty().await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let Some(bench) = bench().await else { return };
    for wait in [0, 1, 3, 10, 30, 100] {
        let start = bench.try_start(plan(STUBBORN));
        // Wherever the start is by then, its container must go.
        let _ = tokio::time::timeout(Duration::from_millis(wait), start).await;
    }
    let ctx = CallContext::local();
    ctx.cancellation.cancel();
    assert_eq!(bench.runtime.start(&ctx, plan(ECHO)).await.unwrap_err().kind(), ErrorKind::Cancelled);
    // What was only on its way when the list was empty comes before a later container.
    let mut last = bench.start(ECHO).await;
    echo(&mut last.connection, "one").await;
    drop(last);
    bench.empty().await;
}

#[tokio::test]
async fn many_servers_start_and_go_side_by_side() {
    let Some(bench) = bench().await else { return };
    let servers = futures_util::future::join_all((0..4).map(|_| bench.start(ECHO))).await;
    for mut server in servers {
        echo(&mut server.connection, "one").await;
    }
    bench.empty().await;
}

#[tokio::test]
async fn one_shot_tools_run_to_their_end() {
    let Some(bench) = bench().await else { return };
    let ctx = CallContext::local();
    let output = bench.runtime.run_once(&ctx, plan(&["sh", "-c", "echo out; echo err >&2; exit 7"])).await.unwrap();
    assert_eq!((output.exit_code, output.stdout.as_str(), output.stderr.as_str()), (7, "out\n", "err\n"));
    let mut long = plan(&["python3", "-c", "print('x' * 3_000_000)"]);
    long.limits = long.limits.with_max_message_bytes(1000);
    assert_eq!(bench.runtime.run_once(&ctx, long).await.unwrap().stdout.len(), 1000);
    let mut slow = plan(STUBBORN);
    slow.limits = slow.limits.with_call_timeout(Duration::from_millis(600));
    let error = bench.runtime.run_once(&ctx, slow).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Timeout, Some("DockerRuntime::run_once")));
    bench.empty().await;
}

#[tokio::test]
async fn a_server_that_listens_on_http_is_reached() {
    const SERVER: &str = r#"
import http.server, json, sys, time
print("starting", file=sys.stderr, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in request:
            self.send_response(202); self.end_headers(); return
        if request["method"] == "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "h", "version": "1"}}
        else:
            result = {"path": self.path, "params": request.get("params")}
        body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
time.sleep(0.5)
http.server.ThreadingHTTPServer(("0.0.0.0", 8123), Handler).serve_forever()
"#;
    let Some(bench) = bench().await else { return };
    let mut container = container(&["python3", "-uc", SERVER]);
    container.http = Some(HttpEndpoint::new(8123, "/mcp"));
    let mut plan = plan_of(container);
    plan.network = NetworkRule::Open;
    let mut server = bench.try_start(plan.clone()).await.unwrap();
    let hello = hello();
    let hello = ask(&mut server.connection, 1, "initialize", &hello).await.unwrap();
    assert_eq!(hello["serverInfo"]["name"], "h");
    assert_eq!(ask(&mut server.connection, 2, "tools/list", &json!({})).await.unwrap()["path"], "/mcp");
    bench.runtime.stop(&server.id).await.unwrap();
    assert!(next(&mut server.connection).await.is_none());
    assert_eq!(server.connection.diagnostics.closed().unwrap().message(), "server was stopped");
    bench.empty().await;
    let dropped = bench.try_start(plan).await.unwrap();
    drop(dropped);
    bench.empty().await;
}

/// Asks a server and gives the result; what it tells meanwhile is passed over.
async fn ask(connection: &mut Connection, id: u64, method: &str, params: &Value) -> Option<Value> {
    let request = Message::request(RequestId::number(id), method, Some(RawJson::from_value(params).unwrap()));
    connection.sink.send(&request).await.unwrap();
    loop {
        if let Message::Response { result, .. } = next(connection).await? {
            return result.unwrap().read().ok();
        }
    }
}

/// The parameters of `initialize`.
fn hello() -> Value {
    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

#[tokio::test]
async fn servers_that_others_wrote_run_hardened() {
    let Some(bench) = bench().await else { return };
    for (image, tool) in [("time", "get_current_time"), ("git", "git_status"), ("everything", "echo")] {
        let image = format!("mcp-gateway-test/{image}:1");
        let plan = plan_of(ContainerPlan::new(ImageReference::parse(&image).unwrap()));
        let mut server = match bench.try_start(plan).await {
            Ok(server) => server,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: {error}");
                continue;
            }
            Err(error) => panic!("{}", error.report()),
        };
        let connection = &mut server.connection;
        assert!(ask(connection, 1, "initialize", &hello()).await.is_some(), "{:?}", connection.diagnostics);
        connection.sink.send(&Message::notification("notifications/initialized", None)).await.unwrap();
        let tools = ask(connection, 2, "tools/list", &json!({})).await.unwrap();
        let names: Vec<_> = tools["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
        assert!(names.iter().any(|name| *name == tool), "{names:?}");
    }
    bench.empty().await;
}

#[tokio::test]
async fn a_server_that_never_listens_is_an_error_with_its_last_words() {
    let Some(bench) = bench().await else { return };
    let mut container = container(&["sh", "-c", "echo no database >&2; exit 4"]);
    container.http = Some(HttpEndpoint::new(8123, "/mcp"));
    let mut dead = plan_of(container.clone());
    dead.network = NetworkRule::Open;
    let error = bench.try_start(dead.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StartFailed);
    assert!(error.to_string().contains("code 4") && error.to_string().contains("no database"), "{error}");
    container.command = vec!["sleep".to_owned(), "60".to_owned()];
    let mut silent = plan_of(container);
    silent.network = NetworkRule::Open;
    silent.limits = silent.limits.with_start_timeout(Duration::from_millis(800));
    assert_eq!(bench.try_start(silent).await.unwrap_err().kind(), ErrorKind::Timeout);
    bench.empty().await;
}

#[tokio::test]
async fn what_a_killed_gateway_left_is_swept_and_a_living_ones_is_not() {
    let Some(bench) = bench().await else { return };
    let mut victim = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runtime::docker::tests::lifecycle::a_gateway_that_is_killed", "--nocapture", "--ignored"])
        .env(VICTIM_HOME, bench.home.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let ready = async { while !lines.next_line().await.unwrap().expect("the victim is ready").contains("ready") {} };
    tokio::time::timeout(PATIENCE, ready).await.unwrap();
    let own = bench.start(ECHO).await;
    assert!(bench.runtime.sweep().await.unwrap().is_empty(), "the victim is still alive");
    assert_eq!(bench.runtime.list().await.unwrap().len(), 4);
    victim.start_kill().unwrap();
    victim.wait().await.unwrap();
    let swept = bench.runtime.sweep().await.unwrap();
    assert_eq!(swept.len(), 3, "a running, a frozen and a created container");
    assert_eq!(left(&bench).await, std::slice::from_ref(&own.id));
    drop(own);
    bench.empty().await;
}

/// The gateway that the test above kills; does nothing in a run of its own.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn a_gateway_that_is_killed() {
    let Some(home) = env_vars::get(VICTIM_HOME) else { return };
    let runtime = runtime_in(std::path::Path::new(&home), |builder| builder);
    let ctx = CallContext::local();
    let running = runtime.start(&ctx, plan(STUBBORN)).await.unwrap();
    let frozen = runtime.start(&ctx, plan(STUBBORN)).await.unwrap();
    runtime.pause(&frozen.id).await.unwrap();
    let created = runtime.launch_of(&mut plan(STUBBORN), true).unwrap();
    runtime.engine.create(&created.name, &created.body).await.unwrap();
    println!("ready");
    tokio::time::sleep(PATIENCE).await;
    drop((running, frozen));
}

#[tokio::test]
async fn servers_of_other_gateways_can_be_stopped_and_of_other_homes_cannot() {
    let Some(bench) = bench().await else { return };
    let beside = runtime_in(bench.home.path(), |builder| builder);
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = runtime_in(elsewhere.path(), |builder| builder);
    let mut server = bench.start(ECHO).await;
    stranger.stop(&server.id).await.unwrap();
    assert!(stranger.sweep().await.unwrap().is_empty());
    echo(&mut server.connection, "one").await;
    beside.stop(&server.id).await.unwrap();
    assert!(next(&mut server.connection).await.is_none());
    bench.empty().await;
}

async fn left(bench: &Bench) -> Vec<InstanceId> {
    bench.runtime.list().await.unwrap().into_iter().map(|status| status.id).collect()
}
