//! Several catalogs as one.

use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;

use super::{Catalog, revision};
use crate::error::{Error, Result};
use crate::model::{ServerEntry, ServerName};

/// Catalogs in order, where a later one overrides or hides what earlier ones say.
///
/// # Behavior
/// - An entry of a later catalog replaces the whole entry of the same name; nothing of the earlier one is merged in.
/// - A name that a later catalog hides is gone, unless that catalog or one after it describes it itself.
/// - `list` keeps the place of a name where it first stood.
#[derive(Debug)]
pub struct LayeredCatalog {
    layers: Vec<Arc<dyn Catalog>>,
    name: String,
}

impl LayeredCatalog {
    /// Puts catalogs over each other, the last on top.
    pub fn new(layers: Vec<Arc<dyn Catalog>>) -> Self {
        let name = layers.iter().map(|layer| layer.name()).collect::<Vec<_>>().join("+");
        Self { layers, name }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Catalog for LayeredCatalog {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        for layer in self.layers.iter().rev() {
            if let Some(entry) = layer.get(server).await? {
                return Ok(Some(entry));
            }
            if layer.hides(server) {
                break;
            }
        }
        Ok(None)
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        let mut entries: IndexMap<ServerName, Arc<ServerEntry>> = IndexMap::new();
        for layer in &self.layers {
            entries.retain(|name, _| !layer.hides(name));
            for entry in layer.list().await? {
                entries.insert(entry.name.clone(), entry);
            }
        }
        Ok(entries.into_values().collect())
    }

    fn revision(&self) -> Option<u64> {
        let revisions = self.layers.iter().map(|layer| layer.revision()).collect::<Option<Vec<_>>>()?;
        Some(revision::of_all(&revisions))
    }

    fn hides(&self, server: &ServerName) -> bool {
        self.layers.iter().any(|layer| layer.hides(server))
    }

    async fn refusal(&self, server: &ServerName) -> Result<Option<Error>> {
        for layer in self.layers.iter().rev() {
            if let Some(refusal) = layer.refusal(server).await? {
                return Ok(Some(refusal));
            }
            if layer.hides(server) || layer.get(server).await?.is_some() {
                break;
            }
        }
        Ok(None)
    }

    fn demands_signature(&self, entry: &ServerEntry) -> bool {
        self.layers.iter().any(|layer| layer.demands_signature(entry))
    }
}
