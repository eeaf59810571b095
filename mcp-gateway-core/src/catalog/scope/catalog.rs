//! A catalog without what its scope shuts out.

use std::sync::Arc;

use async_trait::async_trait;

use super::Scope;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::model::{ServerEntry, ServerName};

/// A catalog in which only the servers are that a scope lets in.
///
/// # Behavior
/// - A server that is shut out is not there, by name or in the list; [`refusal`](Catalog::refusal) says why.
/// - An entry that is shut out still hides one of its name in a catalog below: another's entry never takes its place.
#[derive(Debug)]
pub struct ScopedCatalog {
    inner: Arc<dyn Catalog>,
    scope: Scope,
}

impl ScopedCatalog {
    /// The servers of `inner` that `scope` lets in.
    pub fn new(inner: Arc<dyn Catalog>, scope: Scope) -> Self {
        Self { inner, scope }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Catalog for ScopedCatalog {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        Ok(self.inner.get(server).await?.filter(|entry| self.scope.admits(entry)))
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        let mut entries = self.inner.list().await?;
        entries.retain(|entry| self.scope.admits(entry));
        Ok(entries)
    }

    fn revision(&self) -> Option<u64> {
        self.inner.revision()
    }

    fn hides(&self, server: &ServerName) -> bool {
        self.inner.hides(server)
    }

    async fn refusal(&self, server: &ServerName) -> Result<Option<Error>> {
        if let Some(refusal) = self.inner.refusal(server).await? {
            return Ok(Some(refusal));
        }
        Ok(self.inner.get(server).await?.and_then(|entry| self.scope.refusal(&entry)))
    }

    fn demands_signature(&self, entry: &ServerEntry) -> bool {
        self.scope.demands_signature(entry) || self.inner.demands_signature(entry)
    }
}
