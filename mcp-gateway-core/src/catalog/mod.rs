//! Where servers are described: catalogs, read from files and layered.

mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ServerEntry, ServerName};

pub use memory::MemoryCatalog;

/// A set of server descriptions.
///
/// # Behavior
/// - `list` gives every entry once, in a stable order.
/// - `get` of a name that `list` gives returns the same entry; of any other name, `None`.
#[async_trait]
pub trait Catalog: fmt::Debug + Send + Sync + 'static {
    /// The catalog's name.
    fn name(&self) -> &str;

    /// The entry of a server, if the catalog has it.
    ///
    /// # Errors
    /// `Io` or `Network` when the catalog cannot be reached.
    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>>;

    /// Every entry.
    ///
    /// # Errors
    /// `Io` or `Network` when the catalog cannot be reached.
    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>>;
}
