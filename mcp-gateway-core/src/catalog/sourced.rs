//! A catalog whose entries say where they come from.

use std::sync::Arc;

use async_trait::async_trait;

use super::Catalog;
use crate::error::{Error, Result};
use crate::model::{ServerEntry, ServerName};

/// A catalog of somebody else's code, whose entries get the [`source`](ServerEntry::source) that it is known by.
#[derive(Debug)]
pub struct SourcedCatalog {
    inner: Arc<dyn Catalog>,
    source: String,
}

impl SourcedCatalog {
    /// The same entries, with this source whatever they say themselves.
    pub fn new(inner: Arc<dyn Catalog>, source: impl Into<String>) -> Self {
        Self { inner, source: source.into() }
    }

    fn mark(&self, mut entry: Arc<ServerEntry>) -> Arc<ServerEntry> {
        if entry.source.as_deref() != Some(&self.source) {
            Arc::make_mut(&mut entry).source = Some(self.source.clone());
        }
        entry
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Catalog for SourcedCatalog {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        Ok(self.inner.get(server).await?.map(|entry| self.mark(entry)))
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        Ok(self.inner.list().await?.into_iter().map(|entry| self.mark(entry)).collect())
    }

    fn revision(&self) -> Option<u64> {
        self.inner.revision()
    }

    fn hides(&self, server: &ServerName) -> bool {
        self.inner.hides(server)
    }

    async fn refusal(&self, server: &ServerName) -> Result<Option<Error>> {
        self.inner.refusal(server).await
    }

    fn demands_signature(&self, entry: &ServerEntry) -> bool {
        self.inner.demands_signature(entry)
    }
}
