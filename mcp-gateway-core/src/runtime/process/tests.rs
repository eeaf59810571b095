//! Real children: the awkward server and small shell probes.
#![expect(clippy::disallowed_methods, reason = "files of the tests' own")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{ProcessRuntime, ProcessRuntimeConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, NetworkRule, ProcessPackage, ProfileName, SecretValue, ServerName};
use crate::protocol::{ClientHello, RawJson, RpcError};
use crate::runtime::{LaunchPlan, LaunchTarget, Owner, ProcessPlan, Runtime};
use crate::transport::client::{Peer, PeerRequest, ServerEvents};

const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Deaf;

#[async_trait]
impl ServerEvents for Deaf {
    async fn request(&self, method: String, _params: Option<RawJson>) -> Result<RawJson, RpcError> {
        Err(RpcError::method_not_found(&method))
    }

    async fn notification(&self, _method: String, _params: Option<RawJson>) {}
}

struct Bench {
    runtime: ProcessRuntime,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(bubblewrap: bool) -> Self {
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let mut config = ProcessRuntimeConfig::new(folder.path().join("home"));
        config.bubblewrap = bubblewrap;
        config.grace = Duration::from_millis(300);
        Self { runtime: ProcessRuntime::new(config, None).unwrap(), folder }
    }

    fn plan(&self, args: &[&str]) -> LaunchPlan {
        let mut process = ProcessPlan::new(ProcessPackage::Command(awkward().display().to_string()));
        process.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let owner = Owner::new("test", ProfileName::new("p").unwrap(), ServerName::new("awkward").unwrap());
        LaunchPlan::new(owner, LaunchTarget::Process(process))
    }

    async fn start(&self, plan: LaunchPlan) -> Result<Peer> {
        let ctx = CallContext::local();
        let running = self.runtime.start(&ctx, plan).await?;
        let peer = Peer::new(running.connection, Arc::new(Deaf));
        peer.initialize(&ctx, &ClientHello::of_gateway(json!({})), LIMIT).await?;
        Ok(peer)
    }

    async fn gone(&self) {
        let waiting = async {
            while !self.runtime.list().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("the child ends");
    }
}

/// A folder outside of `/tmp`, which the sandbox replaces.
fn scratch() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder
}

fn awkward() -> PathBuf {
    scratch().join("../examples/awkward-server").canonicalize().expect("cargo builds the example with the tests")
}

async fn call(peer: &Peer, tool: &str, arguments: Value) -> Result<String> {
    let params = RawJson::from_value(&json!({"name": tool, "arguments": arguments}))?.object()?;
    let answer = peer.request(&CallContext::local(), PeerRequest::new("tools/call", params, LIMIT)).await?;
    let answer: Value = answer.map_err(|error| Error::new(ErrorKind::Protocol, error.message))?.read()?;
    Ok(answer["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

async fn is_confined(bubblewrap: bool) {
    let bench = Bench::new(bubblewrap);
    let shared = bench.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("a.txt"), "inside").unwrap();
    std::fs::write(bench.folder.path().join("secret.txt"), "outside").unwrap();
    let mut plan = bench.plan(&[]);
    let LaunchTarget::Process(process) = &mut plan.target else { unreachable!() };
    process.read = vec![shared.clone()];
    plan.env = vec![("TOKEN".to_owned(), SecretValue::new("t0ken"))];
    let peer = bench.start(plan).await.unwrap();
    let read = |path: PathBuf| call(&peer, "read_file", json!({"path": path}));
    assert_eq!(read(shared.join("a.txt")).await.unwrap(), "inside");
    for path in [bench.folder.path().join("secret.txt"), "/etc/passwd".into(), "/root/.bashrc".into()] {
        let text = read(path.clone()).await.unwrap();
        assert!(text.starts_with("error"), "{}: {text}", path.display());
    }
    let write = |path: PathBuf| call(&peer, "write_file", json!({"path": path}));
    assert!(write(shared.join("b.txt")).await.unwrap().starts_with("error"));
    let env = |name: &'static str| call(&peer, "env", json!({"name": name}));
    assert_eq!(env("TOKEN").await.unwrap(), "t0ken");
    assert_eq!(env("CARGO_MANIFEST_DIR").await.unwrap(), "unset");
    assert_eq!(write(PathBuf::from(env("HOME").await.unwrap()).join("mine")).await.unwrap(), "written");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = call(&peer, "connect", json!({"address": listener.local_addr().unwrap().to_string()})).await.unwrap();
    assert!(text.starts_with("error"), "{text}");
    peer.close().await;
    bench.gone().await;
}

#[tokio::test]
async fn a_child_sees_its_own_files_and_no_network() {
    is_confined(false).await;
}

#[tokio::test]
async fn a_child_in_namespaces_sees_its_own_files_and_no_network() {
    if !std::path::Path::new("/usr/bin/bwrap").exists() {
        eprintln!("skipped: bubblewrap is not installed");
        return;
    }
    is_confined(true).await;
}

#[tokio::test]
async fn only_listed_ports_can_be_reached() {
    let bench = Bench::new(false);
    let allowed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _listener = std::net::TcpListener::bind(allowed).unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = bench.plan(&[]);
    plan.network = NetworkRule::Listed(vec![allowed.to_string()]);
    let peer = bench.start(plan).await.unwrap();
    let connect = |address: std::net::SocketAddr| call(&peer, "connect", json!({"address": address.to_string()}));
    assert_eq!(connect(allowed).await.unwrap(), "connected");
    assert!(connect(other.local_addr().unwrap()).await.unwrap().starts_with("error"));
}

#[tokio::test]
async fn a_crash_tells_its_exit_status_and_last_words() {
    let bench = Bench::new(false);
    let error = bench.start(bench.plan(&["--crash-at-start"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StartFailed);
    let text = error.to_string();
    assert!(text.contains("exit status 3") && text.contains("cannot open the database"), "{text}");
    let peer = bench.start(bench.plan(&[])).await.unwrap();
    let error = call(&peer, "crash", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerExited);
    assert!(error.to_string().contains("exit status 101"), "{error}");
    bench.gone().await;
}

#[tokio::test]
async fn a_child_that_ignores_the_end_of_its_input_is_killed() {
    for bubblewrap in [false, true] {
        let bench = Bench::new(bubblewrap);
        let peer = bench.start(bench.plan(&["--ignore-eof"])).await.unwrap();
        drop(peer);
        bench.gone().await;
    }
}

#[tokio::test]
async fn a_paused_child_answers_once_it_goes_on() {
    let bench = Bench::new(false);
    let peer = bench.start(bench.plan(&[])).await.unwrap();
    let id = bench.runtime.list().await.unwrap()[0].id.clone();
    bench.runtime.pause(&id).await.unwrap();
    assert_eq!(bench.runtime.list().await.unwrap()[0].state, "paused");
    let answer = call(&peer, "echo", json!({"text": "hi"}));
    tokio::pin!(answer);
    assert!(futures_util::poll!(&mut answer).is_pending());
    bench.runtime.unpause(&id).await.unwrap();
    assert_eq!(answer.await.unwrap(), "hi");
    let status = bench.runtime.list().await.unwrap().remove(0);
    assert!(status.memory_bytes.unwrap() > 100_000 && status.pids == Some(1));
}

#[tokio::test]
async fn sensitive_paths_are_refused() {
    let bench = Bench::new(false);
    let mut plan = bench.plan(&[]);
    let LaunchTarget::Process(process) = &mut plan.target else { unreachable!() };
    process.read = vec!["/etc".into()];
    assert_eq!(bench.start(plan).await.unwrap_err().kind(), ErrorKind::Denied);
}
