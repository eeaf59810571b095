//! A catalog that lives in memory.

use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;

use super::{Catalog, revision};
use crate::error::Result;
use crate::model::{ServerEntry, ServerName};

/// A catalog that is built in code.
#[derive(Debug, Default)]
pub struct MemoryCatalog {
    name: String,
    entries: IndexMap<ServerName, Arc<ServerEntry>>,
    revision: u64,
}

impl MemoryCatalog {
    /// An empty catalog.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), entries: IndexMap::new(), revision: revision::next() }
    }

    /// Adds an entry; one of the same name is replaced.
    #[must_use]
    pub fn with_entry(mut self, entry: ServerEntry) -> Self {
        self.entries.insert(entry.name.clone(), Arc::new(entry));
        self.revision = revision::next();
        self
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        Ok(self.entries.get(server).map(Arc::clone))
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        Ok(self.entries.values().map(Arc::clone).collect())
    }

    fn revision(&self) -> Option<u64> {
        Some(self.revision)
    }
}
