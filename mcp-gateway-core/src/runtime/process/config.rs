//! Settings of the process runtime.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the process runtime.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessRuntimeConfig {
    /// Where packages are installed and running servers are noted; shared by the gateways of one home.
    pub folder: PathBuf,
    /// Whether servers are refused where the kernel cannot isolate them fully.
    pub require_isolation: bool,
    /// Whether bubblewrap is used where it works.
    pub bubblewrap: bool,
    /// How long a server may take to end by itself, and again after it was told to. Default 2 s.
    pub grace: Duration,
    /// How long an installation may take. Default 10 min.
    pub install_timeout: Duration,
    /// Folders in which programs are looked up by name.
    pub search_path: Vec<PathBuf>,
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
            search_path: ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec(),
        }
    }
}
