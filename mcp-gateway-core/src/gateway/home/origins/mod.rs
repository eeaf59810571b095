//! Where the registered catalogs come from, how they are kept as that has them, and those that are the home's own.

mod add;
mod approve;
mod own;
mod record;
mod registry;
mod signed;
mod status;
mod sync;
mod word;

use std::sync::Arc;

use serde::Serialize;

use super::DockerOptions;
use super::secrets::record as append;
use crate::audit::AuditStore;
use crate::catalog::registry::PackageImages;
use crate::catalog::{CatalogPublicKey, FileCatalog, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};

pub use own::ExportedCatalog;
pub(super) use record::OriginRecord;
pub use record::SyncFailure;
pub use registry::PushedCatalog;
pub use signed::{CatalogSigned, WrittenSignature};
pub use status::{CatalogState, CatalogStatus};

/// The trails of a home, opened before anything is changed: what cannot be recorded does not happen.
type Trails = [(ProfileName, Arc<dyn AuditStore>)];

/// How catalogs are fetched and registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogOptions {
    /// Whether it takes the place of one of the same name.
    pub replace: bool,
    /// Whether an address may be one that is not on the public internet.
    pub allow_private: bool,
    /// By whom it must be signed, from now on.
    pub verify_key: Option<CatalogPublicKey>,
    /// Whether a signed catalog may take the place of a newer one.
    pub allow_older: bool,
    /// What npm and PyPI packages of a registry of MCP servers are run in; without, they are run as processes.
    pub images: PackageImages,
    /// Whose client configuration has the logins for registries.
    pub docker: DockerOptions,
    /// What records say of who did it.
    pub by: &'static str,
}

/// What happened to a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CatalogChanged {
    /// It was registered, or took the place of another one.
    Added,
    /// It is another one than before.
    Updated,
    /// It is as it was.
    Unchanged,
    /// It could not be fetched, and its copy stays.
    Failed,
    /// It was forgotten.
    Removed,
}

/// A catalog, and what happened to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CatalogChange {
    /// Its name.
    pub name: String,
    /// What happened.
    pub change: CatalogChanged,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How many servers it has now.
    pub servers: usize,
    /// The server of it that was approved, or is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerName>,
    /// What a person should know: what is odd about it, and what was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it could not be fetched.
    #[serde(skip)]
    pub error: Option<Error>,
    /// The same as a text.
    #[serde(rename = "error", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl CatalogChange {
    fn new(name: &str, change: CatalogChanged, origin: Option<String>, servers: usize) -> Self {
        Self {
            name: name.to_owned(),
            change,
            origin,
            servers,
            server: None,
            notes: Vec::new(),
            error: None,
            reason: None,
        }
    }
}

/// Leaves records of what happened to a catalog in each trail that the home has; a profile without one gets none.
async fn record_catalog(trails: &Trails, action: &str, change: &CatalogChange, by: &str) -> Result<()> {
    let detail = serde_json::json!({
        "catalog": change.name,
        "change": change.change,
        "origin": change.origin,
        "servers": change.servers,
        "server": change.server,
        "error": change.reason,
    });
    append(trails, action, None, detail, by).await
}

/// A text that was checked as a whole before.
fn parsed(name: &str, text: &str) -> Result<FileCatalog> {
    Ok(FileCatalog::parse(&format!("{name}.yaml"), text, LoadOptions::new())?.catalog)
}

/// An error of what a catalog comes from, which names both.
fn of_catalog(error: Error, name: &str, origin: &str) -> Error {
    error.with_context("catalog", name).with_context("origin", origin)
}

fn not_own(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("catalog `{name}` is not the home's own, so its servers stay as they are"),
    )
    .with_hint(format!("make one of your own of it: `mcp-gateway catalog create NAME --from {name}`"))
}
