//! Settings of the process runtime.

use std::path::PathBuf;
use std::time::Duration;

use super::package::SYSTEM_PATH;
use crate::model::SecretValue;

/// Settings of the process runtime.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessRuntimeConfig {
    /// Where packages are installed and running servers are noted; shared by the gateways of one home.
    pub folder: PathBuf,
    /// Whether servers are refused where the kernel cannot isolate them fully. Default no.
    pub require_isolation: bool,
    /// Whether bubblewrap is used where it works. Default yes.
    pub bubblewrap: bool,
    /// How long a server may take to end by itself, and again after it was told to. Default 2 s.
    pub grace: Duration,
    /// How long an installation may take. Default 10 min.
    pub install_timeout: Duration,
    /// Environment of installers beside proxies, registries and certificates, such as the credentials of a private registry.
    pub install_env: Vec<(String, SecretValue)>,
    /// Folders in which programs are looked up by name. Default `/usr/local/bin`, `/usr/bin`, `/bin`.
    pub search_path: Vec<PathBuf>,
    /// Further host paths that no server gets to see, such as the gateway's own folder.
    pub protected: Vec<PathBuf>,
}

impl ProcessRuntimeConfig {
    /// Settings with this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            require_isolation: false,
            bubblewrap: true,
            grace: Duration::from_secs(2),
            install_timeout: Duration::from_secs(10 * 60),
            install_env: Vec::new(),
            search_path: SYSTEM_PATH.map(PathBuf::from).to_vec(),
            protected: Vec::new(),
        }
    }

    /// Refuses servers where the kernel cannot isolate them fully.
    #[must_use]
    pub fn with_require_isolation(mut self, required: bool) -> Self {
        self.require_isolation = required;
        self
    }

    /// Sets whether bubblewrap is used where it works.
    #[must_use]
    pub fn with_bubblewrap(mut self, used: bool) -> Self {
        self.bubblewrap = used;
        self
    }

    /// Sets how long a server may take to end by itself.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how long an installation may take.
    #[must_use]
    pub fn with_install_timeout(mut self, timeout: Duration) -> Self {
        self.install_timeout = timeout;
        self
    }

    /// Adds a variable to the environment of installers; servers never see it.
    #[must_use]
    pub fn with_install_env(mut self, name: impl Into<String>, value: SecretValue) -> Self {
        self.install_env.push((name.into(), value));
        self
    }

    /// Adds a folder in which programs are looked up by name.
    #[must_use]
    pub fn with_search_path(mut self, folder: impl Into<PathBuf>) -> Self {
        self.search_path.push(folder.into());
        self
    }

    /// Adds a path that no server gets to see.
    #[must_use]
    pub fn with_protected(mut self, path: impl Into<PathBuf>) -> Self {
        self.protected.push(path.into());
        self
    }
}
