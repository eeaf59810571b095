//! Real peers: servers on both generations of the official Python SDK, over both transports.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::*;
use crate::model::{Limits, ProfileName, SecretValue, ServerName};
use crate::protocol::{ClientLink, RawJson, RpcError};
use crate::runtime::{Owner, Silent};
use crate::transport::client::testing::{PATIENCE, ask, initialize, peer};
use crate::transport::client::{Peer, PeerRequest};

/// The Python of an environment with this version of the SDK; `None`, with a reason, where there is none to be had.
fn python(name: &str, requirement: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-venv");
    let (python, ready) = (folder.join(name).join("bin/python"), folder.join(format!("{name}.ready")));
    std::fs::create_dir_all(&folder).unwrap();
    // Other test processes may be at it too.
    let lock = std::fs::File::create(folder.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if ready.exists() {
        return Some(python);
    }
    let run = |program: &Path, args: &[&str]| {
        let output = std::process::Command::new(program).args(args).current_dir(&folder).output();
        match output {
            Ok(output) if output.status.success() => true,
            Ok(output) => {
                eprintln!("skipped: {program:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
                false
            }
            Err(cause) => {
                eprintln!("skipped: {program:?}: {cause}");
                false
            }
        }
    };
    let made = run(Path::new("python3"), &["-m", "venv", name])
        && run(&python, &["-m", "pip", "install", "--quiet", requirement, "uvicorn"]);
    made.then(|| {
        std::fs::File::create(&ready).unwrap();
        python
    })
}

/// A running Python server; it is killed with this value.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    async fn start(python: &Path, transport: RemoteTransport, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/http/server.py");
        let name = if transport == RemoteTransport::Sse { "sse" } else { "streamable-http" };
        let mut child = Command::new(python)
            .args([script.to_str().unwrap(), name, &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).await.unwrap();
        Self { port: line.trim().parse().unwrap(), child }
    }

    fn plan(&self, transport: RemoteTransport) -> LaunchPlan {
        let path = if transport == RemoteTransport::Sse { "sse" } else { "mcp" };
        plan(format!("http://127.0.0.1:{}/{path}", self.port), transport, true)
    }
}

fn plan(url: String, transport: RemoteTransport, allow_private: bool) -> LaunchPlan {
    let mut remote = RemotePlan::new(url, transport);
    remote.headers.push(("Authorization".to_owned(), SecretValue::new("Bearer hunter2")));
    remote.allow_private = allow_private;
    let owner = Owner::new("gw", ProfileName::new("dev").unwrap(), ServerName::new("far").unwrap());
    let mut plan = LaunchPlan::new(owner, LaunchTarget::Remote(remote));
    plan.limits = Limits::default().with_max_message_bytes(200_000);
    plan
}

const PEERS: [(&str, &str, RemoteTransport); 4] = [
    ("mcp1", "mcp<2", RemoteTransport::StreamableHttp),
    ("mcp1", "mcp<2", RemoteTransport::Sse),
    ("mcp2", "mcp>=2", RemoteTransport::StreamableHttp),
    ("mcp2", "mcp>=2", RemoteTransport::Sse),
];

async fn call(peer: &Peer, tool: &str, arguments: Value) -> Result<Value, String> {
    ask(peer, "tools/call", json!({"name": tool, "arguments": arguments})).await
}

/// Hears progress.
#[derive(Debug, Default)]
struct Progress(Mutex<Vec<String>>);

#[async_trait]
impl ClientLink for Progress {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        self.0.lock().unwrap().push(format!("{method} {}", params.unwrap().get()));
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

#[tokio::test]
async fn servers_of_the_python_sdk_are_reached() {
    for (name, requirement, transport) in PEERS {
        let Some(python) = python(name, requirement) else { continue };
        let server = Server::start(&python, transport, 0).await;
        let runtime = RemoteRuntime::new();
        let running = runtime.start(&CallContext::local(), server.plan(transport)).await.unwrap();
        assert_eq!(runtime.list().await.unwrap()[0].id, running.id);
        let (peer, _heard) = peer(running.connection);
        let hello = initialize(&peer).await.unwrap();
        assert_eq!(hello.server_info["name"], "python-http");
        let tools = ask(&peer, "tools/list", json!({})).await.unwrap();
        assert_eq!(tools["tools"][0]["annotations"]["title"], "Add", "{name} {transport:?}");
        let sum = call(&peer, "add", json!({"a": 2, "b": 3})).await.unwrap();
        assert_eq!(sum["content"][0]["text"], "5");

        // Slow calls run beside each other and tell how far they are.
        let progress = Arc::new(Progress::default());
        let slow = (0..8).map(|n| {
            let params = serde_json::from_value(json!({"name": "wait", "arguments": {"seconds": 10}})).unwrap();
            let mut request = PeerRequest::new("tools/call", params, PATIENCE);
            request.progress = Some((RawJson::from_value(&n).unwrap(), Arc::clone(&progress) as _));
            async { peer.request(&CallContext::local(), request).await.unwrap().unwrap() }
        });
        let quick = call(&peer, "add", json!({"a": 1, "b": 1}));
        tokio::select! {
            biased;
            _ = futures_util::future::join_all(slow) => panic!("slow calls overtook a quick one"),
            quick = quick => assert!(quick.is_ok()),
        }
        let mut request = PeerRequest::new(
            "tools/call",
            serde_json::from_value(json!({"name": "wait", "arguments": {"seconds": 0.1}})).unwrap(),
            PATIENCE,
        );
        request.progress = Some((RawJson::from_value(&"t").unwrap(), Arc::clone(&progress) as _));
        peer.request(&CallContext::local(), request).await.unwrap().unwrap();
        assert!(progress.0.lock().unwrap().iter().any(|note| note.contains(r#""progressToken":"t""#)));

        runtime.stop(&running.id).await.unwrap();
        assert!(call(&peer, "add", json!({"a": 1, "b": 1})).await.unwrap_err().starts_with("connection: "));
        assert!(runtime.list().await.unwrap().is_empty());
        runtime.stop(&running.id).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_over_the_bound_fails_its_own_call_only() {
    for (name, requirement, transport) in PEERS {
        let Some(python) = python(name, requirement) else { continue };
        let server = Server::start(&python, transport, 0).await;
        let running = RemoteRuntime::new().start(&CallContext::local(), server.plan(transport)).await.unwrap();
        let (peer, _heard) = peer(running.connection);
        initialize(&peer).await.unwrap();
        assert!(call(&peer, "large", json!({"size": 50_000})).await.is_ok());
        let error = call(&peer, "large", json!({"size": 300_000})).await.unwrap_err();
        assert!(error.contains("larger than 200000 bytes"), "{error}");
        // On HTTP+SSE everything comes on one stream, which cannot be read past the bound.
        assert_eq!(peer.is_closed(), transport == RemoteTransport::Sse);
        if !peer.is_closed() {
            assert!(call(&peer, "add", json!({"a": 1, "b": 1})).await.is_ok());
        }
    }
}

#[tokio::test]
async fn a_server_that_dies_fails_the_call_and_is_found_again() {
    for (name, requirement, transport) in PEERS {
        let Some(python) = python(name, requirement) else { continue };
        let mut server = Server::start(&python, transport, 0).await;
        let runtime = RemoteRuntime::new();
        let running = runtime.start(&CallContext::local(), server.plan(transport)).await.unwrap();
        let (peer, _heard) = peer(running.connection);
        initialize(&peer).await.unwrap();
        let error = call(&peer, "exit", json!({})).await.unwrap_err();
        assert!(error.contains("broke") || error.contains("went away"), "{name} {transport:?}: {error}");
        server.child.wait().await.unwrap();
        let _server = Server::start(&python, transport, server.port).await;
        if transport == RemoteTransport::Sse {
            peer.closed().await;
            assert!(runtime.list().await.unwrap().is_empty());
        } else {
            // The new process knows nothing of the session; the call goes through all the same.
            assert!(call(&peer, "add", json!({"a": 1, "b": 1})).await.is_ok(), "{name}");
        }
    }
}

#[tokio::test]
async fn what_must_not_be_reached_is_not_started() {
    let runtime = RemoteRuntime::new();
    for transport in [RemoteTransport::StreamableHttp, RemoteTransport::Sse] {
        let target = plan("http://127.0.0.1:1/mcp?key=hunter2".to_owned(), transport, false);
        let error = runtime.start(&CallContext::local(), target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("server: far") && error.to_string().contains("127.0.0.1"), "{error}");
        assert!(error.hints().any(|hint| hint.contains("allowPrivate: true")));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let target = plan("https://localhost:1/sse".to_owned(), RemoteTransport::Sse, false);
    let error = runtime.start(&CallContext::local(), target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(runtime.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_start_that_hangs_ends_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sse", listener.local_addr().unwrap());
    let mut target = plan(url, RemoteTransport::Sse, true);
    target.limits.start_timeout = Duration::from_millis(50);
    let error = RemoteRuntime::new().start(&CallContext::local(), target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn identities_hold_no_secret() {
    let (runtime, ctx) = (RemoteRuntime::new(), CallContext::local());
    let target =
        plan("https://mcp.example.com/mcp?key=hunter2".to_owned(), RemoteTransport::StreamableHttp, false).target;
    let identity = runtime.identify(&ctx, &target).await.unwrap();
    assert_eq!(identity, Identity::new("https://mcp.example.com/mcp?***"));
    runtime.prepare(&ctx, &target, &identity, Arc::new(Silent)).await.unwrap();
    let other = LaunchTarget::Memory("x".to_owned());
    assert_eq!(runtime.identify(&ctx, &other).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let id = InstanceId::new("remote-1").unwrap();
    assert_eq!(runtime.pause(&id).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
