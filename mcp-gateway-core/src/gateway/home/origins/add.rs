//! Registering catalogs by where they come from.

use std::path::Path;
use std::time::Duration;

use super::record::OriginRecord;
use super::signed::{accepted, check_can_be_signed, of_its_own};
use super::{CatalogChange, CatalogChanged, CatalogOptions, of_catalog, parsed, record_catalog};
use crate::catalog::{
    CatalogOrigin, FetchedCatalog, FileCatalog, KnownCatalog, LoadOptions, SourceOptions, SourceState,
};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::model::ServerName;
use crate::util::fs;

/// How long a catalog may take to fetch, with everything that it takes; a registry has hundreds of pages.
const LIMIT: Duration = Duration::from_secs(120);
const REGISTRY_LIMIT: Duration = Duration::from_secs(20 * 60);

/// A catalog that was fetched for the first time.
pub(super) struct Fetched {
    pub(super) text: String,
    pub(super) state: SourceState,
    pub(super) notes: Vec<String>,
    pub(super) signature: Option<String>,
}

impl Home {
    /// Fetches a catalog, checks it, and registers a copy of it.
    ///
    /// # Behavior
    /// - A running gateway reads copies, and only when it is opened; an origin that is gone harms none.
    /// - An image that describes itself cannot take the name of a server of another registered catalog.
    /// - With a key, here and at each sync, a catalog is taken over only with a signature by that key, and none that is older
    ///   than the one that is there; a replacement keeps the key that was given before.
    /// - A signature that came with it stays beside the copy, so that it goes along when that is pushed or exported.
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
        if !options.images.is_empty() && !matches!(origin, CatalogOrigin::Registry(_)) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "base images are for packages of a registry of MCP servers",
            )
            .with_context("origin", origin)
            .with_hint("leave them out: every other catalog says itself how its servers are run"));
        }
        let origin = whole(origin)?;
        // A replacement does not loosen what was required: that is for a removal.
        let until_now = self.signed_until_now(name);
        let key = match (&options.verify_key, &until_now) {
            (None, Some(signed)) => Some(signed.key.parse()?),
            (key, _) => *key,
        };
        let options = &CatalogOptions { verify_key: key, ..options.clone() };
        if key.is_some() {
            check_can_be_signed(&origin)?;
        }
        let Fetched { text, state, notes, signature } = self.fetch_new(&origin, options).await?;
        let check = |key| accepted(&text, signature.as_deref(), &key, until_now.as_ref(), options.allow_older);
        let signed = key.map(check).transpose().map_err(|error| of_catalog(error, name, &origin.to_string()))?;
        let (cursor, record) = OriginRecord::fetched(&origin, options, state, &text).with_signed(signed).apart();
        let catalog = parsed(name, &text)?;
        let trails = self.trails_of(None).await?;
        self.check_names(name, &origin, &catalog).await?;
        self.enter_catalog(name, options.replace, Some(&record), |target| {
            fs::write_atomic(target, text.as_bytes())?;
            self.write_signature(name, of_its_own(&text, signature.as_deref()))?;
            self.write_cursor(name, cursor.as_deref())
        })?;
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
        self.check_unsigned(name)?;
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

    /// What an origin has, of which nothing is known yet.
    pub(super) async fn fetch_new(&self, origin: &CatalogOrigin, options: &CatalogOptions) -> Result<Fetched> {
        match self.fetch_catalog(origin, options, None).await? {
            FetchedCatalog::Catalog { text, state, notes, signature } => Ok(Fetched { text, state, notes, signature }),
            FetchedCatalog::Interrupted { error, .. } => Err(error),
            FetchedCatalog::Unchanged => Err(of_nothing()),
        }
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
            let (may_be_private, images) = (options.allow_private, options.images.clone());
            let options = SourceOptions { login, may_be_private, images, signed: options.verify_key.is_some() };
            origin.source(options)?.fetch(known).await
        };
        let limit = if matches!(origin, CatalogOrigin::Registry(_)) { REGISTRY_LIMIT } else { LIMIT };
        tokio::time::timeout(limit, fetching).await.unwrap_or_else(|_| {
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

/// The error of an origin that calls unchanged what was never fetched.
pub(super) fn of_nothing() -> Error {
    Error::new(ErrorKind::Protocol, "the origin says that nothing has changed, of nothing known")
}

/// An origin that means the same from everywhere.
fn whole(origin: &CatalogOrigin) -> Result<CatalogOrigin> {
    match origin {
        CatalogOrigin::Path(path) => fs::canonicalize(path).map(CatalogOrigin::Path),
        origin => Ok(origin.clone()),
    }
}
