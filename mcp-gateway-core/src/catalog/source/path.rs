//! Catalogs of files and folders.

use std::path::PathBuf;

use async_trait::async_trait;

use super::text::{normal, render};
use super::{CatalogSource, FetchedCatalog, KnownCatalog, SourceState};
use crate::catalog::FileCatalog;
use crate::error::Result;
use crate::util::fs;
use crate::util::oci::digest_of;

/// A file, or a folder whose files are one catalog.
#[derive(Debug)]
pub(super) struct PathSource(PathBuf);

impl PathSource {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

#[async_trait]
impl CatalogSource for PathSource {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        // The file is checked by its own name and lines, before it is anything else.
        let report = FileCatalog::load(&self.0).await;
        let (text, mut notes) = if self.0.is_dir() {
            (render(&report.as_ref().map_err(Clone::clone)?.catalog)?, Vec::new())
        } else {
            match normal(&self.0.display().to_string(), fs::read_to_string(&self.0)?) {
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
        Ok(FetchedCatalog::Catalog { text, state: SourceState { digest, ..SourceState::default() }, notes })
    }
}
