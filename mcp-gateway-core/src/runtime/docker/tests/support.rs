//! What the tests with an engine share.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::{DockerRuntime, DockerRuntimeBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, InstanceId, ProfileName, ServerName};
use crate::protocol::Message;
use crate::runtime::{ContainerPlan, GatewayInstance, LaunchPlan, LaunchTarget, Owner, RunningServer, Runtime};
use crate::transport::client::Connection;
use crate::util::env_vars;

/// An image with a shell and Python and without an entry point, as the script of the test images builds it.
pub(super) const BASE: &str = "mcp-gateway-test/base:1";

/// Longer than anything in a test may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A server that gives every line back.
pub(super) const ECHO: &[&str] = &["sh", "-c", "while read -r line; do printf '%s\\n' \"$line\"; done"];

/// A server that ends for no end of input and for no polite signal.
pub(super) const STUBBORN: &[&str] = &[
    "python3",
    "-uc",
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('{\"jsonrpc\":\"2.0\",\"method\":\"up\"}')\nwhile True: time.sleep(60)",
];

/// A runtime with a home of its own, and the home.
pub(super) struct Bench {
    pub(super) runtime: DockerRuntime,
    pub(super) home: tempfile::TempDir,
}

/// A runtime with the engine of this machine; `None`, with the reason printed, where there is none.
pub(super) async fn bench() -> Option<Bench> {
    bench_with(|builder| builder).await
}

pub(super) async fn bench_with(change: impl FnOnce(DockerRuntimeBuilder) -> DockerRuntimeBuilder) -> Option<Bench> {
    let home = tempfile::tempdir().unwrap();
    let runtime = runtime_in(home.path(), change);
    match ready(&runtime).await {
        Ok(()) => Some(Bench { runtime, home }),
        Err(error) => {
            let demanded = env_vars::get("MCP_GATEWAY_TEST").is_some_and(|tests| tests.contains("docker"));
            assert!(!demanded, "MCP_GATEWAY_TEST asks for an engine: {}", error.report());
            eprintln!("skipped: {}", error.report());
            None
        }
    }
}

/// A runtime of a further gateway of a home.
pub(super) fn runtime_in(
    home: &Path,
    change: impl FnOnce(DockerRuntimeBuilder) -> DockerRuntimeBuilder,
) -> DockerRuntime {
    let instance = Arc::new(GatewayInstance::register(home).unwrap());
    change(DockerRuntime::builder(instance)).build().unwrap()
}

async fn ready(runtime: &DockerRuntime) -> Result<()> {
    runtime.check().await?;
    match runtime.engine.inspect_image(BASE).await {
        Ok(_) => Ok(()),
        Err(cause) => Err(Error::new(ErrorKind::NotFound, format!("no test image `{BASE}`: {cause}"))
            .with_hint("build it with mcp-gateway-core/tests/servers/images/build")),
    }
}

impl Bench {
    pub(super) async fn start(&self, command: &[&str]) -> RunningServer {
        self.try_start(plan(command)).await.unwrap()
    }

    pub(super) async fn try_start(&self, plan: LaunchPlan) -> Result<RunningServer> {
        self.runtime.start(&CallContext::local(), plan).await
    }

    /// Runs a script of the shell to its end and gives what it printed.
    pub(super) async fn script(&self, script: &str, change: impl FnOnce(&mut LaunchPlan)) -> String {
        let mut plan = plan(&["sh", "-c", script]);
        change(&mut plan);
        let output = self.runtime.run_once(&CallContext::local(), plan).await.unwrap();
        assert_eq!(output.exit_code, 0, "{}{}", output.stdout, output.stderr);
        output.stdout
    }

    /// The state of a container, as the engine tells it.
    pub(super) async fn state(&self, id: &InstanceId) -> Option<String> {
        let all = self.runtime.list().await.unwrap();
        all.into_iter().find(|status| status.id == *id).map(|status| status.state)
    }

    /// Waits until no container of the home is left.
    pub(super) async fn empty(&self) {
        let waiting = async {
            while !self.runtime.list().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("containers were left behind");
    }
}

/// A plan for a command of the base image.
pub(super) fn plan(command: &[&str]) -> LaunchPlan {
    plan_of(container(command))
}

pub(super) fn container(command: &[&str]) -> ContainerPlan {
    let mut container = ContainerPlan::new(ImageReference::parse(BASE).unwrap());
    container.command = command.iter().map(|&word| word.to_owned()).collect();
    container
}

pub(super) fn plan_of(container: ContainerPlan) -> LaunchPlan {
    let owner = Owner::new("test", ProfileName::new("dev").unwrap(), ServerName::new("probe").unwrap());
    LaunchPlan::new(owner, LaunchTarget::Container(container))
}

/// Sends a notification and waits for it to come back.
pub(super) async fn echo(connection: &mut Connection, method: &str) {
    connection.sink.send(&Message::notification(method, None)).await.unwrap();
    let message = next(connection).await.expect("an echo");
    assert!(matches!(message, Message::Notification { method: heard, .. } if heard == method));
}

/// The next message, or `None` at the end of the connection.
pub(super) async fn next(connection: &mut Connection) -> Option<Message> {
    tokio::time::timeout(PATIENCE, connection.incoming.recv())
        .await
        .expect("a message or an end")
        .map(|incoming| incoming.message)
}

/// Waits for the end of a connection and gives its reason.
pub(super) async fn closed(connection: &mut Connection) -> Error {
    while next(connection).await.is_some() {}
    connection.diagnostics.closed().expect("a reason")
}
