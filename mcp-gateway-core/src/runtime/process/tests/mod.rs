//! Real children: the awkward server, small programs that try what they must not, packages of others.

mod files;
mod isolation;
mod lifecycle;
mod packages;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{ProcessRuntime, ProcessRuntimeConfig, stats};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, InstanceId, NetworkRule, ProcessPackage, ProfileName, SecretValue, ServerName};
use crate::protocol::{ClientHello, RawJson, RpcError};
use crate::runtime::{LaunchPlan, LaunchTarget, Owner, ProcessPlan, Runtime};
use crate::transport::client::{Cause, Diagnostics, Peer, PeerRequest, ServerEvents};

const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Deaf;

#[async_trait]
impl ServerEvents for Deaf {
    async fn request(&self, method: String, _params: Option<RawJson>, _cause: Cause) -> Result<RawJson, RpcError> {
        Err(RpcError::method_not_found(&method))
    }

    async fn notification(&self, _method: String, _params: Option<RawJson>, _cause: Cause) {}
}

/// A runtime in a folder of its own.
struct Bench {
    runtime: ProcessRuntime,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(bubblewrap: bool) -> Self {
        let folder = tempfile::tempdir_in(scratch()).unwrap();
        let runtime = Self::runtime(folder.path(), bubblewrap);
        assert_eq!(runtime.kernel.contains(), bubblewrap);
        Self { runtime, folder }
    }

    /// One for each way that this machine can isolate in.
    fn each() -> Vec<Self> {
        let mut all = vec![Self::new(false)];
        if has_bubblewrap() {
            all.push(Self::new(true));
        } else {
            eprintln!("skipped in namespaces: bubblewrap is not installed or not permitted");
        }
        all
    }

    fn runtime(folder: &Path, bubblewrap: bool) -> ProcessRuntime {
        let config = ProcessRuntimeConfig::new(folder.join("home"))
            .with_bubblewrap(bubblewrap)
            .with_grace(Duration::from_millis(300));
        ProcessRuntime::new(config, None).unwrap()
    }

    /// A folder that a server may be given.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().canonicalize().unwrap().join(name);
        crate::util::fs::write_atomic(&path, content.as_bytes()).unwrap();
        path
    }

    async fn start(&self, plan: LaunchPlan) -> Result<Peer> {
        let ctx = CallContext::local();
        let running = self.runtime.start(&ctx, plan).await?;
        let peer = Peer::new(running.connection, Arc::new(Deaf));
        peer.initialize(&ctx, &ClientHello::of_gateway(json!({})), LIMIT).await?;
        Ok(peer)
    }

    /// Runs a program to its end and gives what it printed and why it ended.
    async fn run(&self, plan: LaunchPlan) -> Result<Printed> {
        let mut running = self.runtime.start(&CallContext::local(), plan).await?;
        let diagnostics = Arc::clone(&running.connection.diagnostics);
        let ended = async { while running.connection.incoming.recv().await.is_some() {} };
        tokio::time::timeout(LIMIT, ended).await.expect("the program ends");
        Ok(Printed(diagnostics))
    }

    /// Waits until no server runs and nothing of one is left.
    async fn gone(&self) {
        until("the servers end", async || self.runtime.list().await.unwrap().is_empty()).await;
        self.nothing_left().await;
    }

    /// Waits until nothing of any server is left: no process, no folder, no note.
    async fn nothing_left(&self) {
        let home = self.folder.path().canonicalize().unwrap().join("home");
        until("their processes end", async || stats::with_folder_in_environment(&home.join("own")).is_empty()).await;
        let empty = |name: &str| home.join(name).read_dir().is_ok_and(|mut entries| entries.next().is_none());
        until("their files go", async || empty("own") && empty("running")).await;
    }
}

struct Printed(Arc<Diagnostics>);

impl Printed {
    fn lines(&self) -> Vec<String> {
        self.0.lines()
    }

    fn end(&self) -> String {
        self.0.closed().expect("a reason").to_string()
    }
}

/// A plan for a program.
fn plan(program: impl AsRef<Path>, args: &[&str]) -> LaunchPlan {
    let package = ProcessPackage::Command(program.as_ref().display().to_string());
    plan_of(package, args)
}

fn plan_of(package: ProcessPackage, args: &[&str]) -> LaunchPlan {
    let mut process = ProcessPlan::new(package);
    process.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let owner = Owner::new("test", ProfileName::new("p").unwrap(), ServerName::new("s").unwrap());
    LaunchPlan::new(owner, LaunchTarget::Process(process))
}

fn awkward_plan(args: &[&str]) -> LaunchPlan {
    plan(awkward(), args)
}

fn shell(script: &str) -> LaunchPlan {
    plan("/bin/sh", &["-c", script])
}

/// A Python script; `None` where there is no Python.
fn python(script: &str) -> Option<LaunchPlan> {
    let found = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        eprintln!("skipped: no python3 in /usr");
    }
    found.map(|program| plan(program, &["-I", "-c", script]))
}

fn paths(plan: &mut LaunchPlan) -> &mut ProcessPlan {
    match &mut plan.target {
        LaunchTarget::Process(process) => process,
        _ => unreachable!("tests run processes"),
    }
}

/// A folder that no sandbox knows.
fn scratch() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder
}

fn awkward() -> PathBuf {
    scratch().join("../examples/awkward-server").canonicalize().expect("cargo builds the example with the tests")
}

fn has_bubblewrap() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| super::Kernel::probe(true).contains())
}

async fn call(peer: &Peer, tool: &str, arguments: Value) -> Result<String> {
    let params = RawJson::from_value(&json!({"name": tool, "arguments": arguments}))?.object()?;
    let answer = peer.request(&CallContext::local(), PeerRequest::new("tools/call", params, LIMIT)).await?;
    let answer: Value = answer.map_err(|error| Error::new(ErrorKind::Protocol, error.message))?.read()?;
    Ok(answer["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}
