//! Catalogs that are the home's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::add::{Fetched, taken};
use super::record::OriginRecord;
use super::signed::{Going, accepted, check_can_be_signed};
use super::{CatalogChange, CatalogChanged, CatalogOptions, not_own, of_catalog, parsed, record_catalog};
use crate::catalog::{CatalogOrigin, FileCatalog, LoadOptions, render};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::model::ServerName;
use crate::util::fs;
use crate::util::pattern::did_you_mean;

/// A catalog that was written to a file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExportedCatalog {
    /// Its name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// What a person should know, such as that its signature did not go along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A catalog without servers.
const EMPTY: &str = "registry: {}\n";

impl Home {
    /// Registers a catalog of the home's own: empty, or with what a registered catalog, or another place, has now.
    ///
    /// # Errors
    /// As [`add_catalog`](Self::add_catalog).
    pub async fn create_catalog(
        &self,
        name: &str,
        from: Option<&str>,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        let all = self.registered_catalogs()?;
        if !options.replace && all.iter().any(|known| known.name == name) {
            return Err(taken(name));
        }
        self.check_unsigned(name)?;
        let (text, notes) = match from {
            None => (EMPTY.to_owned(), Vec::new()),
            Some(from) => match all.into_iter().find(|known| known.name == from) {
                Some(known) => {
                    let is_signed = |key: String| self.signed_until_now(from).is_some_and(|signed| signed.key == key);
                    if options.verify_key.is_some_and(|key| !is_signed(key.to_string())) {
                        return Err(Error::new(
                            ErrorKind::Denied,
                            format!("catalog `{from}` was not held to this key"),
                        )
                        .with_hint("leave the key out, or take the catalog from where it is signed"));
                    }
                    // What was said of its signatures is said of each server, since the new one is another catalog.
                    let load = LoadOptions::new().with_verify(known.verify);
                    (render(&FileCatalog::load_with(&known.path, load).await?.catalog)?, Vec::new())
                }
                None => self.seed(name, from, options).await?,
            },
        };
        let servers = parsed(name, &text)?.len();
        let trails = self.trails_of(None).await?;
        let record = OriginRecord::own(&text);
        self.enter_catalog(name, options.replace, Some(&record), |target| fs::write_atomic(target, text.as_bytes()))?;
        let mut change = CatalogChange::new(name, CatalogChanged::Added, Some(record.origin), servers);
        change.notes = notes;
        record_catalog(&trails, "catalog/add", &change, options.by).await?;
        Ok(change)
    }

    async fn seed(&self, name: &str, from: &str, options: &CatalogOptions) -> Result<(String, Vec<String>)> {
        let origin = CatalogOrigin::parse(from)?;
        if options.verify_key.is_some() {
            check_can_be_signed(&origin)?;
        }
        let Fetched { text, notes, signature, .. } = self.fetch_new(&origin, options).await?;
        if let Some(key) = &options.verify_key {
            accepted(&text, signature.as_deref(), key, None, false).map_err(|error| of_catalog(error, name, from))?;
        }
        self.check_names(name, &origin, &parsed(name, &text)?).await?;
        Ok((text, notes))
    }

    /// Puts a server, as a catalog file or a file of its own describes it, into one of the home's own catalogs.
    ///
    /// # Errors
    /// `NotFound` when there is no such catalog, or the file does not describe the server; `InvalidInput` when the catalog
    /// comes from elsewhere; `AlreadyExists`; `InvalidConfig` when either file is broken.
    pub async fn add_catalog_server(
        &self,
        name: &str,
        server: &ServerName,
        file: &Path,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        let described = FileCatalog::load(file).await?.catalog;
        let Some(entry) = described.entries().find(|entry| entry.name == *server).map(Arc::clone) else {
            let error = Error::new(ErrorKind::NotFound, format!("the file does not describe server `{server}`"))
                .with_context("file", file.display());
            let known = described.entries().map(|entry| entry.name.as_str());
            return Err(match did_you_mean(server.as_str(), known) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error,
            });
        };
        self.edit(name, options, ("catalog/update", None), |catalog| {
            if !options.replace && catalog.entries().any(|known| known.name == *server) {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("catalog `{name}` has a server `{server}`"))
                    .with_hint("give `--replace` to put this one in its place"));
            }
            catalog.put(entry);
            Ok(())
        })
        .await
    }

    /// Takes a server out of one of the home's own catalogs.
    ///
    /// # Errors
    /// `NotFound` when there is no such catalog or server; `InvalidInput` when the catalog comes from elsewhere.
    pub async fn remove_catalog_server(
        &self,
        name: &str,
        server: &ServerName,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        self.edit(name, options, ("catalog/update", None), |catalog| {
            if catalog.remove(server).is_some() {
                return Ok(());
            }
            Err(Error::new(ErrorKind::NotFound, format!("catalog `{name}` has no server `{server}`"))
                .with_hint(format!("run `mcp-gateway catalog show {name}` to see its servers")))
        })
        .await
    }

    /// Changes one of the home's own catalogs; an action, and maybe a server, is what the trails record.
    pub(super) async fn edit(
        &self,
        name: &str,
        options: &CatalogOptions,
        (action, server): (&str, Option<&ServerName>),
        change: impl FnOnce(&mut FileCatalog) -> Result<()>,
    ) -> Result<CatalogChange> {
        let path = self.registered_catalog(name)?.path;
        let trails = self.trails_of(None).await?;
        let servers = {
            let _lock = fs::FileLock::acquire(&self.catalog_order())?;
            if self.read_origin(name)?.is_none_or(|record| record.origin != "own") {
                return Err(not_own(name));
            }
            let mut catalog = parsed(name, &fs::read_to_string(&path)?)?;
            change(&mut catalog)?;
            let text = render(&catalog)?;
            // What was signed is what it was before.
            fs::remove_file(&self.catalog_signature(name))?;
            fs::write_atomic(&path, text.as_bytes())?;
            self.write_origin(name, &OriginRecord::own(&text))?;
            catalog.len()
        };
        let mut change = CatalogChange::new(name, CatalogChanged::Updated, Some("own".to_owned()), servers);
        change.server = server.cloned();
        record_catalog(&trails, action, &change, options.by).await?;
        Ok(change)
    }

    /// Makes a catalog of the home's own of what a place has now, and does not follow that place.
    ///
    /// Without a name it gets the one of its file or its repository.
    ///
    /// # Errors
    /// As [`add_catalog`](Self::add_catalog).
    pub async fn import_catalog(
        &self,
        from: &str,
        name: Option<&str>,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        let own = name_of(&CatalogOrigin::parse(from)?);
        let Some(name) = name.or(own.as_deref()) else {
            return Err(Error::new(ErrorKind::InvalidInput, format!("`{from}` tells no name for the catalog"))
                .with_hint("give one: `--name NAME`"));
        };
        self.create_catalog(name, Some(from), options).await
    }

    /// Writes a registered catalog to a file, as it is, and its signature beside it where it has one: a copy that was
    /// edited here has none any more, which a note says.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` when the file is there and is not to be replaced; `Conflict` when it is the home's own
    /// and was changed after it was signed; `Io`.
    pub async fn export_catalog(&self, name: &str, file: &Path, options: &CatalogOptions) -> Result<ExportedCatalog> {
        let path = self.registered_catalog(name)?.path;
        if !options.replace && fs::exists(file) {
            return Err(Error::new(ErrorKind::AlreadyExists, "there is such a file")
                .with_context("file", file.display())
                .with_hint("give `--replace` to put this one in its place"));
        }
        let catalog = FileCatalog::load(&path).await?.catalog;
        // A link may lead to a folder, whose files are one catalog.
        let text = if path.is_dir() { render(&catalog)? } else { fs::read_to_string(&path)? };
        let Going { signature, note } = self.signature_of(name, &text)?;
        fs::write_atomic(file, text.as_bytes())?;
        let mut beside = file.as_os_str().to_owned();
        beside.push(".sig");
        match signature {
            Some(signature) => fs::write_atomic(Path::new(&beside), signature.to_text()?.as_bytes())?,
            None => fs::remove_file(Path::new(&beside))?,
        }
        Ok(ExportedCatalog { name: name.to_owned(), file: file.to_owned(), notes: note.into_iter().collect() })
    }
}

/// The name that a catalog gets where none is given.
pub(super) fn name_of(origin: &CatalogOrigin) -> Option<String> {
    let last = |text: &str| {
        let name = text.rsplit('/').next()?.split(['?', '#']).next()?;
        let name = Path::new(name).file_stem()?.to_str()?;
        (!name.is_empty()).then(|| name.to_owned())
    };
    match origin {
        CatalogOrigin::Path(path) => path.file_stem()?.to_str().map(str::to_owned),
        CatalogOrigin::Address(address) => last(address),
        CatalogOrigin::Artifact(reference) | CatalogOrigin::Image(reference) => last(reference.path()),
        CatalogOrigin::Registry(address) => address.split('/').nth(2)?.split(':').next().map(str::to_owned),
        CatalogOrigin::Own => None,
    }
}
