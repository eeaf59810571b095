//! The folder that holds the state: every path below it is made here.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::env_vars;

/// The variable that names the folder.
pub(crate) const HOME_VARIABLE: &str = "MCP_GATEWAY_HOME";

/// The folder that holds the state.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// The folder that `MCP_GATEWAY_HOME` names, or `.mcp-gateway` in the user's home; it need not be there yet.
    ///
    /// # Errors
    /// `InvalidConfig` when neither is known.
    pub(crate) fn locate() -> Result<Self> {
        if let Some(root) = env_vars::get(HOME_VARIABLE) {
            let root = std::path::absolute(&root)
                .map_err(|cause| crate::util::fs::io_error("find", Path::new(&root), cause))?;
            return Ok(Self { root });
        }
        let user = user_home().ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "the user's home folder is not known")
                .with_hint(format!("set `{HOME_VARIABLE}` to a folder for the gateway's state"))
        })?;
        Ok(Self { root: user.join(".mcp-gateway") })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Registered catalogs, `<name>.yaml`.
    pub(crate) fn catalogs(&self) -> PathBuf {
        self.root.join("catalogs")
    }

    /// A registered catalog.
    pub(crate) fn catalog(&self, name: &str) -> PathBuf {
        self.catalogs().join(format!("{name}.yaml"))
    }

    /// The names of the registered catalogs, one on each line, in the order in which they are layered.
    pub(crate) fn catalog_order(&self) -> PathBuf {
        self.catalogs().join("order")
    }

    /// Profiles, `<name>.yaml`, each with its lock beside it.
    pub(crate) fn profiles(&self) -> PathBuf {
        self.root.join("profiles")
    }

    /// Locks of profiles that exist for a run only, by what they consist of.
    pub(crate) fn temporary_profiles(&self, key: &str) -> PathBuf {
        self.root.join("run").join("profiles").join(key)
    }

    /// The encrypted secrets.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets.age")
    }

    /// The key of the encrypted secrets.
    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    /// The audit trail of a profile.
    pub(crate) fn audit(&self, profile: &ProfileName) -> PathBuf {
        self.root.join("audit").join(format!("{profile}.sqlite"))
    }

    /// The locks of living gateways.
    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Installed packages of process servers.
    pub(crate) fn packages(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// Drafts of profiles that are being edited.
    pub(crate) fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }
}

/// The user's home folder.
pub(crate) fn user_home() -> Option<PathBuf> {
    env_vars::get(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from)
}
