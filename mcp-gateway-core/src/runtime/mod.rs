//! Runtimes: what starts and stops MCP servers.

mod denial;
#[cfg(feature = "runtime-docker")]
pub mod docker;
#[cfg(all(any(feature = "runtime-docker", feature = "runtime-process"), target_os = "linux"))]
mod egress;
#[cfg(all(any(feature = "runtime-docker", feature = "runtime-process"), target_os = "linux"))]
mod folders;
mod instance;
mod memory;
mod plan;
#[cfg(all(feature = "runtime-process", target_os = "linux"))]
pub mod process;
#[cfg(feature = "runtime-remote")]
pub mod remote;
#[cfg(all(any(feature = "runtime-docker", feature = "runtime-process"), target_os = "linux"))]
mod secret_files;
#[cfg(any(feature = "runtime-docker", all(feature = "runtime-process", target_os = "linux")))]
mod sensitive;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{CallContext, Digest, ImageReference, InstanceId, RegistryLogin};
use crate::transport::client::Connection;

pub use denial::{EgressDenial, EgressWatch, LoggedEgress};
#[cfg(feature = "runtime-docker")]
pub use docker::{DockerRuntime, DockerRuntimeBuilder, DockerRuntimeConfig};
pub use instance::GatewayInstance;
pub use memory::{MemoryRuntime, MemoryServer};
pub use plan::{
    ContainerPlan, HeaderSecret, HttpEndpoint, LaunchPlan, LaunchTarget, Mount, MountSource, Owner, ProcessPlan,
    RemotePlan, SecretFile,
};
#[cfg(all(feature = "runtime-process", target_os = "linux"))]
pub use process::{ProcessRuntime, ProcessRuntimeConfig};
#[cfg(feature = "runtime-remote")]
pub use remote::RemoteRuntime;

/// Starts and stops MCP servers.
///
/// # Behavior
/// - `start` returns a connection before anything was said; the caller shakes hands.
/// - A server whose connection is dropped is stopped; nothing is left behind, whatever fails.
/// - `stop` of an unknown id succeeds.
/// - A runtime gets finished plans: it never sees a broker, a catalog or a policy.
#[async_trait]
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The runtime's name: `docker`, `process`, `remote`, `memory`.
    fn name(&self) -> &'static str;

    /// What it can and cannot do on this machine.
    fn capability(&self) -> RuntimeCapability;

    /// Whether it can start servers now.
    ///
    /// # Errors
    /// `RuntimeUnavailable`, with what to do, when it cannot.
    async fn check(&self) -> Result<()>;

    /// Finds out exactly what a target is, without running anything of it.
    ///
    /// # Errors
    /// `NotFound` when there is no such image or package, `RuntimeUnavailable`, `Network`.
    async fn identify(&self, ctx: &CallContext, target: &LaunchTarget) -> Result<Identity>;

    /// How the registry of an image is told who asks, as far as the runtime knows.
    ///
    /// # Errors
    /// `InvalidConfig` when what is known cannot be read.
    async fn registry_login(&self, image: &ImageReference) -> Result<Option<RegistryLogin>>;

    /// Fetches what `start` needs: pulls an image by its digest, installs a package.
    ///
    /// # Errors
    /// `NotFound`, `RuntimeUnavailable`, `Network`, `Timeout`.
    async fn prepare(
        &self,
        ctx: &CallContext,
        target: &LaunchTarget,
        identity: &Identity,
        progress: Arc<dyn PrepareProgress>,
    ) -> Result<()>;

    /// Starts a server.
    ///
    /// # Errors
    /// `StartFailed`, `NotFound`, `Denied` for a plan that asks for what is never given, `RuntimeUnavailable`.
    async fn start(&self, ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer>;

    /// Runs a command of the plan's image to its end and gives what it printed.
    ///
    /// # Errors
    /// `Unsupported` where the runtime has no such thing, otherwise as `start`.
    async fn run_once(&self, ctx: &CallContext, plan: LaunchPlan) -> Result<OneShotOutput>;

    /// Stops a server; an unknown id succeeds.
    ///
    /// # Errors
    /// `RuntimeUnavailable` when the engine does not answer; the sweep at the next start catches up.
    async fn stop(&self, id: &InstanceId) -> Result<()>;

    /// Freezes a server that waits for its call.
    ///
    /// # Errors
    /// `Unsupported`, `RuntimeUnavailable`.
    async fn pause(&self, id: &InstanceId) -> Result<()>;

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// `Unsupported`, `RuntimeUnavailable`.
    async fn unpause(&self, id: &InstanceId) -> Result<()>;

    /// The servers that run, of every gateway that shares this home.
    ///
    /// # Errors
    /// `RuntimeUnavailable`.
    async fn list(&self) -> Result<Vec<InstanceStatus>>;

    /// Removes an image or installed package by the name that [`InstanceStatus::image`] has for it, or the volume that a
    /// package is installed into in a base image, and says whether it is gone; one that something uses, or that would not
    /// come back by itself, stays.
    ///
    /// # Errors
    /// `RuntimeUnavailable`, `Io`.
    async fn discard(&self, image: &str) -> Result<bool>;

    /// Removes what dead gateways of this home left behind, and names it.
    ///
    /// # Errors
    /// `RuntimeUnavailable`.
    async fn sweep(&self) -> Result<Vec<InstanceId>>;
}

/// What a runtime can do; callers ask, tests skip, the CLI explains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuntimeCapability {
    /// Servers see files of their own only.
    pub file_isolation: bool,
    /// Servers without a network rule have no network.
    pub network_isolation: bool,
    /// A list of allowed hosts is enforced, not only known.
    pub egress_filter: bool,
    /// Memory, processor and process limits are enforced.
    pub resource_limits: bool,
    /// Servers can be paused, so that a pool of them costs no processor time.
    pub pause: bool,
    /// Tools can be one container run each.
    pub one_shot: bool,
    /// What this machine cannot enforce, each in a sentence.
    pub notes: Vec<String>,
}

/// What a target turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The image's digest in its registry, where it has one.
    pub digest: Option<Digest>,
    /// What is run, exactly: digest, image id, package version or address.
    pub value: String,
}

impl Identity {
    /// An identity without a registry digest.
    pub fn new(value: impl Into<String>) -> Self {
        Self { digest: None, value: value.into() }
    }

    /// The identity of an image in a registry.
    pub fn of_digest(digest: Digest) -> Self {
        Self { value: digest.to_string(), digest: Some(digest) }
    }
}

/// Hears of the progress of a pull or an installation.
pub trait PrepareProgress: fmt::Debug + Send + Sync + 'static {
    /// `done` of `total` bytes or steps; `total` is 0 while it is unknown.
    fn update(&self, status: &str, done: u64, total: u64);
}

/// Hears of progress and keeps it to itself.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Silent;

impl PrepareProgress for Silent {
    fn update(&self, _status: &str, _done: u64, _total: u64) {}
}

/// A server that was started.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunningServer {
    /// Its id: the container's, the process's, the connection's.
    pub id: InstanceId,
    /// The connection to it.
    pub connection: Connection,
}

impl RunningServer {
    /// Joins an id and a connection.
    pub fn new(id: InstanceId, connection: Connection) -> Self {
        Self { id, connection }
    }
}

/// What a one-shot run printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OneShotOutput {
    /// The exit code.
    pub exit_code: i64,
    /// Standard output, cut at the message limit.
    pub stdout: String,
    /// Standard error, cut at the message limit.
    pub stderr: String,
}

impl OneShotOutput {
    /// Joins the parts.
    pub fn new(exit_code: i64, stdout: impl Into<String>, stderr: impl Into<String>) -> Self {
        Self { exit_code, stdout: stdout.into(), stderr: stderr.into() }
    }
}

/// One running server, as `ps` and `stats` show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InstanceStatus {
    /// Its id.
    pub id: InstanceId,
    /// The runtime that runs it.
    pub runtime: String,
    /// Whom it belongs to.
    #[serde(flatten)]
    pub owner: Owner,
    /// What it runs from.
    pub image: String,
    /// `running`, `paused`, `exited`.
    pub state: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started: i64,
    /// Memory in use, in bytes, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_bytes: Option<u64>,
    /// Processor time since the start, in milliseconds, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_millis: Option<u64>,
    /// How many percent of one core it used while it was measured, where it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_percent: Option<f64>,
    /// Processes and threads, where they are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pids: Option<u64>,
    /// What it has received from networks since the start, in bytes, where it has one and it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network_received_bytes: Option<u64>,
    /// What it has sent to networks since the start, in bytes, where it has one and it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network_sent_bytes: Option<u64>,
    /// When a request last reached it, in milliseconds since the Unix epoch, as far as the audit trail tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used: Option<i64>,
    /// Whose request that was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_principal: Option<String>,
}

impl InstanceStatus {
    /// A running server without figures.
    pub fn new(id: InstanceId, runtime: impl Into<String>, owner: Owner, image: impl Into<String>) -> Self {
        Self {
            id,
            runtime: runtime.into(),
            owner,
            image: image.into(),
            state: "running".to_owned(),
            started: crate::util::clock::now_millis(),
            memory_bytes: None,
            cpu_millis: None,
            cpu_percent: None,
            pids: None,
            network_received_bytes: None,
            network_sent_bytes: None,
            last_used: None,
            last_principal: None,
        }
    }
}
