//! Registering catalogs by where they come from.

use std::path::Path;
use std::time::Duration;

use super::record::OriginRecord;
use super::{CatalogChange, CatalogChanged, CatalogOptions, of_catalog, parsed, record_catalog};
use crate::catalog::{CatalogOrigin, FetchedCatalog, FileCatalog, KnownCatalog, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::model::ServerName;
use crate::util::fs;

/// How long a catalog may take to fetch, with everything that it takes.
const LIMIT: Duration = Duration::from_secs(120);

impl Home {
    /// Fetches a catalog, checks it, and registers a copy of it.
    ///
    /// # Behavior
    /// - A running gateway reads copies, and only when it is opened; an origin that is gone harms none.
    /// - An image that describes itself cannot take the name of a server of another registered catalog.
    /// - A path is kept in full. Every audit trail of the home records it.
    ///
    /// # Errors
    /// `InvalidInput` for a name or an origin that is none; `AlreadyExists`; what fetching says, such as `NotFound`,
    /// `Network`, `Timeout`, `Unauthorized`, `Denied` and `TooLarge`; `InvalidConfig` when it is no catalog.
    pub async fn add_catalog(
        &self,
        name: &str,
        origin: &CatalogOrigin,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        // Fetching is in vain where the name is taken.
        if !options.replace && self.registered_catalogs()?.iter().any(|known| known.name == name) {
            return Err(taken(name));
        }
        let origin = whole(origin)?;
        let (record, text, notes) = match self.fetch_catalog(&origin, options, None).await? {
            FetchedCatalog::Catalog { text, state, notes } => {
                (OriginRecord::fetched(&origin, options.allow_private, state, &text), text, notes)
            }
            FetchedCatalog::Unchanged => {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    "the origin says that nothing has changed, of nothing known",
                ));
            }
        };
        let catalog = parsed(name, &text)?;
        let trails = self.trails_of(None).await?;
        self.check_names(name, &origin, &catalog).await?;
        self.enter_catalog(name, options.replace, Some(&record), |target| fs::write_atomic(target, text.as_bytes()))?;
        let mut change = CatalogChange::new(name, CatalogChanged::Added, Some(record.origin), catalog.len());
        change.notes = notes;
        record_catalog(&trails, "catalog/add", &change, options.by).await?;
        Ok(change)
    }

    /// Registers a link to a file or a folder that is a catalog; what changes there counts as soon as it does. Every audit
    /// trail of the home records it.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none; `AlreadyExists`; `NotFound`; `InvalidConfig` when it is no catalog.
    pub async fn link_catalog(&self, name: &str, path: &Path, options: &CatalogOptions) -> Result<CatalogChange> {
        let report = FileCatalog::load(path).await?;
        let trails = self.trails_of(None).await?;
        self.register_catalog(name, path, options.replace, true)?;
        let origin = fs::canonicalize(path)?.display().to_string();
        let mut change = CatalogChange::new(name, CatalogChanged::Added, Some(origin), report.catalog.len());
        change.notes = report.warnings.iter().map(ToString::to_string).collect();
        record_catalog(&trails, "catalog/add", &change, options.by).await?;
        Ok(change)
    }

    /// Forgets a catalog; what it came from stays. Every audit trail of the home records it.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub async fn remove_catalog(&self, name: &str, options: &CatalogOptions) -> Result<CatalogChange> {
        let origin = self.read_origin(name).ok().flatten().map(|record| record.origin);
        let trails = self.trails_of(None).await?;
        self.unregister_catalog(name)?;
        let change = CatalogChange::new(name, CatalogChanged::Removed, origin, 0);
        record_catalog(&trails, "catalog/remove", &change, options.by).await?;
        Ok(change)
    }

    /// What an origin has now, in bounded time.
    pub(super) async fn fetch_catalog(
        &self,
        origin: &CatalogOrigin,
        options: &CatalogOptions,
        known: Option<&KnownCatalog>,
    ) -> Result<FetchedCatalog> {
        let fetching = async {
            let login = match origin {
                CatalogOrigin::Artifact(reference) | CatalogOrigin::Image(reference) => {
                    self.login_of(reference, &options.docker).await?
                }
                _ => None,
            };
            origin.source(login, options.allow_private)?.fetch(known).await
        };
        tokio::time::timeout(LIMIT, fetching).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the catalog did not come in time")
                .with_context("origin", origin)
                .retry_later())
        })
    }

    /// Refuses an image that describes itself by the name of a server of another catalog: who publishes it chose the name.
    pub(super) async fn check_names(&self, name: &str, origin: &CatalogOrigin, catalog: &FileCatalog) -> Result<()> {
        if !matches!(origin, CatalogOrigin::Image(_)) {
            return Ok(());
        }
        for other in self.registered_catalogs()?.into_iter().filter(|other| other.name != name) {
            let report = FileCatalog::load_with(&other.path, LoadOptions::new().with_lenient(true)).await?;
            let has = |server: &ServerName| {
                report.catalog.entries().any(|entry| entry.name == *server)
                    || report.refused.iter().any(|refused| refused.name == server.as_str())
            };
            if let Some(entry) = catalog.entries().find(|entry| has(&entry.name)) {
                let server = &entry.name;
                let why = format!("the image calls itself `{server}`, which is a server of catalog `{}`", other.name);
                return Err(of_catalog(Error::new(ErrorKind::Denied, why), name, &origin.to_string())
                    .with_hint("to put it in that one's place, describe it in a file of yours, and add that"));
            }
        }
        Ok(())
    }
}

/// The error for a name that a catalog has.
pub(super) fn taken(name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("a catalog `{name}` is registered already"))
        .with_hint("give `--replace` to put this one in its place")
}

/// An origin that means the same from everywhere.
fn whole(origin: &CatalogOrigin) -> Result<CatalogOrigin> {
    match origin {
        CatalogOrigin::Path(path) => fs::canonicalize(path).map(CatalogOrigin::Path),
        origin => Ok(origin.clone()),
    }
}
