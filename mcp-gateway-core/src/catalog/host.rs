//! Servers that the host's own code describes.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{Catalog, FileCatalog, LoadOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostCaller, ServerEntry, ServerName};

/// A catalog that asks an object of the host's language: `list()`, and `get(server)` where it has that.
///
/// # Behavior
/// - `list` answers `{name: entry, …}` with entries in the form of a catalog file; `get` answers one entry or nothing.
/// - Entries are checked as those of a file are. In a list, one that is broken is left out with a warning.
#[derive(Debug)]
pub struct HostCatalog(HostCaller);

impl HostCatalog {
    /// Asks this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has no method `list`.
    pub fn new(caller: HostCaller) -> Result<Self> {
        caller.demand("a catalog", &["list"])?;
        Ok(Self(caller))
    }

    fn read(&self, registry: Map<String, Value>, lenient: bool) -> Result<Vec<Arc<ServerEntry>>> {
        let text = json!({"registry": registry}).to_string();
        let file = format!("{}.json", self.0.name());
        let report = FileCatalog::parse(&file, &text, LoadOptions::new().with_lenient(lenient))?;
        for refused in &report.refused {
            tracing::warn!(server = refused.name, reason = %refused.reason.report(), "server of the host is left out");
        }
        Ok(report.catalog.entries().map(Arc::clone).collect())
    }
}

#[async_trait]
impl Catalog for HostCatalog {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        let entry: Option<Value> = if self.0.has("get") {
            self.0.call("get", &[server]).await?
        } else {
            self.0.call::<Map<String, Value>>("list", &[(); 0]).await?.remove(server.as_str())
        };
        let Some(entry) = entry else { return Ok(None) };
        let mut entries = self.read(Map::from_iter([(server.to_string(), entry)]), false)?;
        entries.pop().map(Some).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, format!("the host's entry of `{server}` is empty"))
                .with_operation("HostCatalog::get")
        })
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        self.read(self.0.call("list", &[(); 0]).await?, true)
    }
}
