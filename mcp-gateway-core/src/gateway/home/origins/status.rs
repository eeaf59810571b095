//! The registered catalogs, for lists.

use std::path::PathBuf;

use serde::Serialize;

use super::CatalogSigned;
use super::record::SyncFailure;
use crate::catalog::FileCatalog;
use crate::error::Result;
use crate::gateway::home::{Home, Registered};
use crate::model::VerifyMode;

/// How a registered catalog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CatalogState {
    /// The copy is what its origin had when it was last asked.
    Synced,
    /// Its origin could not be read when it was last asked; an older copy is used.
    Stale,
    /// The home's own: it comes from nowhere, and servers can be added to it.
    Own,
    /// A link, whose file counts as it is.
    Linked,
    /// A copy of which is not known where it came from.
    Copied,
    /// It cannot be used.
    Broken,
}

/// A registered catalog.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CatalogStatus {
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// How many servers it has.
    pub servers: usize,
    /// Its file.
    pub path: PathBuf,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How it is.
    pub state: CatalogState,
    /// When it was last known to be what its origin has, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<String>,
    /// Why it could not be fetched since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<SyncFailure>,
    /// By whom it must be signed, and what of that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<CatalogSigned>,
    /// What happens with its images that are not signed, whatever it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyMode>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Home {
    /// The registered catalogs, in the order in which they are layered; nothing is fetched, and a broken one is listed.
    ///
    /// # Errors
    /// `Io` when the folder cannot be read, `InvalidConfig` when a word about signatures is none.
    pub async fn list_catalogs(&self) -> Result<Vec<CatalogStatus>> {
        let mut all = Vec::new();
        for registered in self.registered_catalogs()? {
            all.push(self.status_of(registered).await);
        }
        Ok(all)
    }

    /// A registered catalog.
    ///
    /// # Errors
    /// `NotFound`; as [`list_catalogs`](Self::list_catalogs).
    pub async fn catalog_status(&self, name: &str) -> Result<CatalogStatus> {
        Ok(self.status_of(self.registered_catalog(name)?).await)
    }

    async fn status_of(&self, registered: Registered) -> CatalogStatus {
        let Registered { name, path, verify } = registered;
        let (loaded, record) = (FileCatalog::load(&path).await, self.read_origin(&name));
        let error = loaded.as_ref().err().or(record.as_ref().err()).map(crate::error::Error::report);
        let record = record.ok().flatten();
        let is_link = path.is_symlink();
        let state = match &record {
            _ if error.is_some() => CatalogState::Broken,
            _ if is_link => CatalogState::Linked,
            None => CatalogState::Copied,
            Some(record) if record.origin == "own" => CatalogState::Own,
            Some(record) if record.failure.is_some() => CatalogState::Stale,
            Some(_) => CatalogState::Synced,
        };
        let (origin, last_sync, failure, signed) = match record {
            Some(record) => (Some(record.origin), record.last_sync, record.failure, record.signed),
            None => (
                is_link.then(|| path.canonicalize().ok()).flatten().map(|to| to.display().to_string()),
                None,
                None,
                None,
            ),
        };
        let catalog = loaded.ok().map(|loaded| loaded.catalog);
        CatalogStatus {
            display_name: catalog.as_ref().and_then(|catalog| catalog.title().map(str::to_owned)),
            servers: catalog.map_or(0, |catalog| catalog.len()),
            name,
            path,
            origin,
            state,
            last_sync,
            failure,
            signed,
            verify,
            error,
        }
    }
}
