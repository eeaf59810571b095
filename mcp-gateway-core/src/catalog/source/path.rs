//! Catalogs of files and folders.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::text::{normal, render};
use super::{CatalogSource, FetchedCatalog, KnownCatalog, SourceState};
use crate::catalog::FileCatalog;
use crate::error::Result;
use crate::util::fs;
use crate::util::oci::digest_of;

/// A file, or a folder whose files are one catalog.
#[derive(Debug)]
pub(super) struct PathSource {
    path: PathBuf,
    signed: bool,
}

impl PathSource {
    pub(super) fn new(path: PathBuf, signed: bool) -> Self {
        Self { path, signed }
    }
}

#[async_trait]
impl CatalogSource for PathSource {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        // The file is checked by its own name and lines, before it is anything else.
        let report = FileCatalog::load(&self.path).await;
        let (text, mut notes) = if self.path.is_dir() {
            (render(&report.as_ref().map_err(Clone::clone)?.catalog)?, Vec::new())
        } else {
            match normal(&self.path.display().to_string(), fs::read_to_string(&self.path)?) {
                Ok(read) => read,
                Err(error) => return Err(report.err().unwrap_or(error)),
            }
        };
        if let Ok(report) = report {
            notes.extend(report.warnings.iter().map(ToString::to_string));
        }
        let digest = Some(digest_of(text.as_bytes()));
        if known.is_some_and(|known| known.state.digest == digest && known.text == text) {
            return Ok(FetchedCatalog::Unchanged);
        }
        let signature = if self.signed { fs::read_optional(&beside(&self.path))? } else { None };
        let state = SourceState { digest, ..SourceState::default() };
        Ok(FetchedCatalog::Catalog { text, state, notes, signature })
    }
}

/// Where the signature of a catalog's file is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}
