//! A finished plan: everything that a runtime needs to start one server, and nothing it could ask about.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EgressWatch, LoggedEgress};
use crate::error::Result;
use crate::model::{
    ImageReference, Limits, NetworkRule, ProcessPackage, ProfileName, RemoteTransport, SecretValue, ServerName,
    SessionId,
};
use crate::transport::client::Authorization;
use crate::util::random;

/// How one server is to be started; secrets are resolved, the image is verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaunchPlan {
    /// Whom the running server belongs to; becomes labels.
    pub owner: Owner,
    /// What is started.
    pub target: LaunchTarget,
    /// The whole environment of the server, plain values and secrets alike.
    pub env: Vec<(String, SecretValue)>,
    /// Secrets that the server reads from files in memory.
    pub files: Vec<SecretFile>,
    /// Secrets that the server uses without having them.
    pub headers: Vec<HeaderSecret>,
    /// The values among `env`, `files` and headers that are secret, to be kept out of diagnostics.
    pub secrets: Vec<SecretValue>,
    /// What it may reach.
    pub network: NetworkRule,
    /// Whether listed hosts may have addresses that are not of the public internet.
    pub allow_private: bool,
    /// Who hears of what it tries to reach and may not.
    pub egress: Arc<dyn EgressWatch>,
    /// What it may use.
    pub limits: Limits,
}

impl LaunchPlan {
    /// A plan without environment, network or secrets.
    pub fn new(owner: Owner, target: LaunchTarget) -> Self {
        Self {
            owner,
            target,
            env: Vec::new(),
            files: Vec::new(),
            headers: Vec::new(),
            secrets: Vec::new(),
            network: NetworkRule::None,
            allow_private: false,
            egress: Arc::new(LoggedEgress),
            limits: Limits::default(),
        }
    }
}

/// A secret that a server reads from a file, whose path is in the variable with `_FILE` after its name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecretFile {
    /// The variable that would carry the value, which is the file's name too.
    pub variable: String,
    /// The value.
    pub value: SecretValue,
    /// Other variables that have the file's path too.
    pub aliases: Vec<String>,
}

impl SecretFile {
    /// A file in the place of a variable.
    pub fn new(variable: impl Into<String>, value: SecretValue) -> Self {
        Self { variable: variable.into(), value, aliases: Vec::new() }
    }

    /// The variable that has the file's path.
    pub fn path_variable(&self) -> String {
        format!("{}_FILE", self.variable)
    }
}

/// A secret that a server uses without having it: it has a stand-in, in whose place the value is put in headers of requests to
/// the hosts that it is for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeaderSecret {
    /// What the server has: a text of no use anywhere else.
    pub stand_in: String,
    /// The value.
    pub value: SecretValue,
    /// The hosts that it is for, `host:port`; without a port, 443.
    pub hosts: Vec<String>,
}

impl HeaderSecret {
    /// A secret for these hosts, with a stand-in of its own.
    ///
    /// # Errors
    /// `Internal` when the system gives no random numbers.
    pub fn new(value: SecretValue, hosts: Vec<String>) -> Result<Self> {
        Ok(Self { stand_in: format!("mcpgw_{}", random::hex(20)?), value, hosts })
    }
}

/// Whom a running server belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Owner {
    /// The gateway that started it.
    pub gateway: String,
    /// Its profile.
    pub profile: ProfileName,
    /// The server.
    pub server: ServerName,
    /// The session that it serves; `None` when it is shared or waits in a pool.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<SessionId>,
}

impl Owner {
    /// An owner without a session.
    pub fn new(gateway: impl Into<String>, profile: ProfileName, server: ServerName) -> Self {
        Self { gateway: gateway.into(), profile, server, session: None }
    }
}

/// What is started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LaunchTarget {
    /// A container of an image.
    Container(ContainerPlan),
    /// A sandboxed process.
    Process(ProcessPlan),
    /// A server that runs elsewhere.
    Remote(RemotePlan),
    /// A server in this process, by its name; for tests and examples.
    Memory(String),
}

/// A container.
#[derive(Clone)]
#[non_exhaustive]
pub struct ContainerPlan {
    /// The image; `start` runs it by its digest where it has one.
    pub image: ImageReference,
    /// The image's id, for a local image without a digest.
    pub image_id: Option<String>,
    /// Arguments to the image's entry point.
    pub command: Vec<String>,
    /// The user in the container; `None` is the image's own.
    pub user: Option<String>,
    /// Volumes and binds.
    pub mounts: Vec<Mount>,
    /// Extra lines of the hosts file, `name:address`.
    pub extra_hosts: Vec<String>,
    /// Where it serves streamable HTTP; `None` speaks stdio.
    pub http: Option<HttpEndpoint>,
    /// Host paths, resolved, that mounts may write to.
    pub writable: Vec<PathBuf>,
}

impl ContainerPlan {
    /// A container of an image, speaking stdio.
    pub fn new(image: ImageReference) -> Self {
        Self {
            image,
            image_id: None,
            command: Vec::new(),
            user: None,
            mounts: Vec::new(),
            extra_hosts: Vec::new(),
            http: None,
            writable: Vec::new(),
        }
    }
}

impl fmt::Debug for ContainerPlan {
    /// Leaves the arguments out: catalogs may put secrets into them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerPlan")
            .field("image", &self.image)
            .field("mounts", &self.mounts)
            .finish_non_exhaustive()
    }
}

/// A volume or bind of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where, an absolute path in the container.
    pub target: String,
    /// Whether the catalog asks for a read-only mount. A bind is read-only anyway unless its path is allowed.
    pub read_only: bool,
}

impl Mount {
    /// A mount that is writable as far as rules allow.
    pub fn new(source: MountSource, target: impl Into<String>) -> Self {
        Self { source, target: target.into(), read_only: false }
    }
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MountSource {
    /// A named volume of the engine.
    Volume(String),
    /// A path of the host.
    Bind(PathBuf),
}

/// Where a server listens inside its container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpEndpoint {
    /// The port.
    pub port: u16,
    /// The path, with its leading slash.
    pub path: String,
}

impl HttpEndpoint {
    /// An endpoint.
    pub fn new(port: u16, path: impl Into<String>) -> Self {
        Self { port, path: path.into() }
    }
}

/// A sandboxed process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessPlan {
    /// What is run.
    pub package: ProcessPackage,
    /// Its arguments.
    pub args: Vec<String>,
    /// Paths that it may read, beside its own files and the system's libraries.
    pub read: Vec<PathBuf>,
    /// Paths that it may write.
    pub write: Vec<PathBuf>,
}

impl ProcessPlan {
    /// A process without arguments or extra paths.
    pub fn new(package: ProcessPackage) -> Self {
        Self { package, args: Vec::new(), read: Vec::new(), write: Vec::new() }
    }
}

/// A server that runs elsewhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemotePlan {
    /// Its address.
    pub url: String,
    /// Its transport.
    pub transport: RemoteTransport,
    /// Headers on every request.
    pub headers: Vec<(String, SecretValue)>,
    /// Who gives the token that goes along as `Authorization: Bearer`; `None` sends the headers only.
    pub authorization: Option<Arc<dyn Authorization>>,
    /// Whether loopback and private addresses and plain HTTP are allowed.
    pub allow_private: bool,
}

impl RemotePlan {
    /// A public server without headers.
    pub fn new(url: impl Into<String>, transport: RemoteTransport) -> Self {
        Self { url: url.into(), transport, headers: Vec::new(), authorization: None, allow_private: false }
    }
}
