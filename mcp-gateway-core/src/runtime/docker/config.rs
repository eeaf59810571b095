//! How the engine is found, and what containers get.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the engine is found, and what containers get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DockerRuntimeConfig {
    /// The engine's address, such as `unix:///run/user/1000/docker.sock`; `None` asks the environment as Docker's client does.
    pub host: Option<String>,
    /// A context of Docker's client; `None` asks the environment.
    pub context: Option<String>,
    /// The folder of Docker's client configuration; `None` is `DOCKER_CONFIG` or `.docker` in the user's home.
    pub config_folder: Option<PathBuf>,
    /// How long one request to the engine may take. Default 30 s.
    pub request_timeout: Duration,
    /// How long `check` waits for the engine. Default 3 s.
    pub check_timeout: Duration,
    /// How long a pull may go without progress. Default 2 min.
    pub pull_timeout: Duration,
    /// How long a server may take to end by itself before it is made to. Default 2 s.
    pub stop_grace: Duration,
    /// The size of `/tmp` in a container, in bytes; it counts as memory. Default 256 MiB.
    pub tmp_bytes: u64,
    /// Further host paths that no server gets to see, such as the gateway's own folder.
    pub protected: Vec<PathBuf>,
}

impl Default for DockerRuntimeConfig {
    fn default() -> Self {
        Self {
            host: None,
            context: None,
            config_folder: None,
            request_timeout: Duration::from_secs(30),
            check_timeout: Duration::from_secs(3),
            pull_timeout: Duration::from_secs(120),
            stop_grace: Duration::from_secs(2),
            tmp_bytes: 256 * 1024 * 1024,
            protected: Vec::new(),
        }
    }
}
