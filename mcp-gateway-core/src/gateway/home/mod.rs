//! The folder that holds the state, and gateways that are opened from it: what the command line and the bindings share.

mod approvals;
mod catalog_verb;
mod catalogs;
mod clients;
mod exchange;
mod open;
mod options;
mod origins;
mod profile;
mod prune;
mod registered;
mod runtimes;
mod scope;
mod secret_command;
mod secrets;
mod share;
mod stores;
mod toolkit;
mod trail;
mod vectors;

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::profile::ProfileStore;
use crate::util::env_vars;

pub use catalog_verb::{CatalogArguments, CatalogVerb};
pub use clients::{ClientChange, ClientOptions, ClientScope, ClientStatus, Clients, Places, System};
pub use exchange::{ImportOptions, Imported, ImportedSecret, ImportedServer, PinState, Pushed};
pub use open::{OpenParts, Opened, open};
pub use options::{
    AuditSource, CatalogSource, DefaultSettings, DockerOptions, OpenOptions, ProfileSource, RuntimeName,
};
pub use origins::{
    CatalogChange, CatalogChanged, CatalogOptions, CatalogSigned, CatalogState, CatalogStatus, ExportedCatalog,
    PushedCatalog, SyncFailure, WrittenSignature,
};
pub use prune::UsedImage;
pub use registered::Registered;
pub use scope::ScopeCheck;
pub use secret_command::SecretCommand;
pub use secrets::{SecretStatus, SecretUsed};
pub use share::ShareCommand;

/// The variable that names the folder.
const HOME_VARIABLE: &str = "MCP_GATEWAY_HOME";

/// The profile that is meant when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// The folder that holds the state: catalogs, profiles, secrets, audit trails, installed packages.
///
/// Every path below it is made here; it need not be there yet.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The folder that `MCP_GATEWAY_HOME` names, or `.mcp-gateway` in the user's home; it need not be there yet.
    ///
    /// # Errors
    /// `InvalidConfig` when neither is known.
    pub fn locate() -> Result<Self> {
        if let Some(root) = env_vars::get(HOME_VARIABLE) {
            return Self::at(Path::new(&root));
        }
        let user = user_home().ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "the user's home folder is not known")
                .with_hint(format!("set `{HOME_VARIABLE}` to a folder for the gateway's state"))
        })?;
        Ok(Self { root: user.join(".mcp-gateway") })
    }

    /// This folder.
    ///
    /// # Errors
    /// `Io` when the path is relative and the current folder is not known.
    pub fn at(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(|cause| crate::util::fs::io_error("find", root, cause))?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Registered catalogs, `<name>.yaml`.
    fn catalogs(&self) -> PathBuf {
        self.root.join("catalogs")
    }

    /// A registered catalog.
    fn catalog(&self, name: &str) -> PathBuf {
        self.catalogs().join(format!("{name}.yaml"))
    }

    /// The names of the registered catalogs, one on each line, in the order in which they are layered.
    fn catalog_order(&self) -> PathBuf {
        self.catalogs().join("order")
    }

    /// What happens with unsigned images of registered catalogs, where whoever registered them said so: a name and a word
    /// on each line.
    fn catalog_verify(&self) -> PathBuf {
        self.catalogs().join("verify")
    }

    /// Profiles, `<name>.yaml`, each with its lock beside it.
    pub fn profiles(&self) -> ProfileStore {
        ProfileStore::new(self.root.join("profiles"))
    }

    /// Locks of profiles that exist for a run only, by what they consist of.
    fn temporary_profiles(&self, key: &str) -> PathBuf {
        self.root.join("run").join("profiles").join(key)
    }

    /// The encrypted secrets.
    fn secrets_file(&self) -> PathBuf {
        self.root.join("secrets.age")
    }

    /// The key of the encrypted secrets.
    fn identity_file(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    /// Audit trails, `<profile>.sqlite`.
    fn audit_folder(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// The file of a profile's audit trail.
    pub fn audit_file(&self, profile: &ProfileName) -> PathBuf {
        self.audit_folder().join(format!("{profile}.sqlite"))
    }

    /// The locks of living gateways.
    fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Installed packages of process servers.
    fn packages(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// Drafts of profiles that are being edited.
    pub fn drafts(&self) -> PathBuf {
        self.root.join("drafts")
    }
}

/// The user's home folder.
pub fn user_home() -> Option<PathBuf> {
    env_vars::get(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from)
}
