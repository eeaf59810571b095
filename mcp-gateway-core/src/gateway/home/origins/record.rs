//! What is known of where a registered catalog comes from, beside its copy.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{CatalogOptions, CatalogSigned};
use crate::catalog::registry::PackageImages;
use crate::catalog::{CatalogOrigin, SourceState};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::util::oci::digest_of;
use crate::util::{clock, fs};

/// Why a catalog could not be fetched when that was last tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncFailure {
    /// When, RFC 3339.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// `<name>.origin.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::gateway::home) struct OriginRecord {
    /// Where it comes from, as [`CatalogOrigin::parse`] reads it.
    pub(super) origin: String,
    /// Whether its address may be one that is not on the public internet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) allow_private: bool,
    /// What npm and PyPI packages of a registry are run in.
    #[serde(default, skip_serializing_if = "PackageImages::is_empty")]
    pub(super) images: PackageImages,
    /// By whom it must be signed, and what was signed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed: Option<CatalogSigned>,
    /// What its source said of it; the digest of the cursor stands for the cursor, which is in a file of its own.
    #[serde(default)]
    pub(super) state: SourceState,
    /// The digest of the copy, which tells whether somebody edited it.
    pub(super) copy: String,
    /// When the copy was last known to be what its source has, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_sync: Option<String>,
    /// Why it could not be fetched since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<SyncFailure>,
}

impl OriginRecord {
    /// Of a text that was fetched now.
    pub(super) fn fetched(origin: &CatalogOrigin, options: &CatalogOptions, state: SourceState, text: &str) -> Self {
        let last_sync = Some(clock::rfc3339(clock::now_millis()));
        let copy = digest_of(text.as_bytes());
        let (allow_private, images) = (options.allow_private, options.images.clone());
        Self { origin: origin.to_string(), allow_private, images, signed: None, state, copy, last_sync, failure: None }
    }

    /// The cursor for its own file, and the record that tells it by its digest.
    pub(super) fn apart(mut self) -> (Option<String>, Self) {
        let cursor = self.state.cursor.take();
        self.state.cursor = cursor.as_ref().map(|text| digest_of(text.as_bytes()));
        (cursor, self)
    }

    /// Of an own catalog.
    pub(super) fn own(text: &str) -> Self {
        Self {
            last_sync: None,
            ..Self::fetched(&CatalogOrigin::Own, &CatalogOptions::default(), SourceState::default(), text)
        }
    }
}

impl Home {
    /// Where a registered catalog comes from.
    pub(in crate::gateway::home) fn catalog_origin(&self, name: &str) -> PathBuf {
        self.catalogs().join(format!("{name}.origin.json"))
    }

    /// Where the source of a registered catalog goes on, where that is more than a word.
    pub(in crate::gateway::home) fn catalog_cursor(&self, name: &str) -> PathBuf {
        self.catalogs().join(format!("{name}.cursor.json"))
    }

    /// What the source said of a catalog; without the cursor where that is not the one of the record, so that everything
    /// is asked for again.
    pub(super) fn read_state(&self, name: &str, record: &OriginRecord) -> Result<SourceState> {
        let mut state = record.state.clone();
        if let Some(digest) = state.cursor.take() {
            state.cursor =
                fs::read_optional(&self.catalog_cursor(name))?.filter(|text| digest_of(text.as_bytes()) == digest);
        }
        Ok(state)
    }

    pub(super) fn write_cursor(&self, name: &str, cursor: Option<&str>) -> Result<()> {
        match cursor {
            Some(text) => fs::write_atomic(&self.catalog_cursor(name), text.as_bytes()),
            None => fs::remove_file(&self.catalog_cursor(name)),
        }
    }

    pub(super) fn read_origin(&self, name: &str) -> Result<Option<OriginRecord>> {
        let file = self.catalog_origin(name);
        let Some(text) = fs::read_optional(&file)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, format!("where catalog `{name}` comes from cannot be read"))
                .with_context("file", file.display())
                .with_hint(format!("add it again: `mcp-gateway catalog add {name} ORIGIN --replace`"))
                .with_source(cause)
        })
    }

    pub(in crate::gateway::home) fn write_origin(&self, name: &str, record: &OriginRecord) -> Result<()> {
        let text = serde_json::to_string_pretty(record).map_err(|cause| {
            Error::new(ErrorKind::Internal, "where a catalog comes from makes no JSON").with_source(cause)
        })?;
        fs::write_atomic(&self.catalog_origin(name), (text + "\n").as_bytes())
    }
}
