//! Catalogs made of registries of MCP servers.

use async_trait::async_trait;

use super::address::denied;
use super::{CatalogSource, FetchedCatalog, KnownCatalog, SourceState};
use crate::catalog::RefusedEntry;
use crate::catalog::registry::{PackageImages, RegistrySource, RegistryState};
use crate::error::Result;

/// How many of the servers that cannot be used are named, each with the reason.
const NAMED: usize = 5;

/// A registry, visited for what has changed since it was visited last.
#[derive(Debug)]
pub(super) struct VisitedRegistry {
    source: RegistrySource,
}

impl VisitedRegistry {
    pub(super) fn new(address: &str, may_be_private: bool, images: PackageImages) -> Result<Self> {
        let mut source = RegistrySource::new(address)?.with_images(images);
        if !may_be_private {
            source = source.with_public_addresses_only()?;
        }
        Ok(Self { source })
    }
}

#[async_trait]
impl CatalogSource for VisitedRegistry {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        let kept = known.and_then(|known| known.state.cursor.as_deref());
        // What is kept may be of another version: then everything is asked for again.
        let mut state = kept.and_then(|text| RegistryState::parse(text).ok()).unwrap_or_default();
        let synced = self.source.sync(&mut state).await;
        let cursor = Some(state.to_text()?);
        let state = SourceState { cursor, ..SourceState::default() };
        let synced = match synced {
            Ok(synced) => synced,
            Err(error) if known.is_some() => return Ok(FetchedCatalog::Interrupted { state, error: denied(error) }),
            Err(error) => return Err(denied(error)),
        };
        let text = synced.catalog;
        if known.is_some_and(|known| known.text == text && known.state == state) {
            return Ok(FetchedCatalog::Unchanged);
        }
        // Of a visit that brought nothing, everything was said before.
        let is_news = known.is_none() || synced.changed + synced.removed > 0;
        let notes = if is_news { notes(&synced.refused) } else { Vec::new() };
        Ok(FetchedCatalog::Catalog { text, state, notes, signature: None })
    }
}

/// What is to be said of the servers that no entry can be made of: a registry has many of them.
fn notes(refused: &[RefusedEntry]) -> Vec<String> {
    let named = refused.iter().take(NAMED);
    let mut notes: Vec<_> =
        named.map(|entry| format!("server `{}` is left out: {}", entry.name, entry.reason.report())).collect();
    if refused.len() > NAMED {
        notes.push(format!("{} more servers are left out, for reasons of the same kinds", refused.len() - NAMED));
    }
    notes
}
