#![doc = include_str!("docs.md")]

mod decode;
mod diagnostic;
mod embed;
mod file;
mod fingerprint;
mod host;
mod layered;
mod memory;
#[cfg(feature = "catalog-registry")]
pub mod registry;
mod revision;
mod scope;
mod search;
#[cfg(feature = "__oci")]
mod signature;
#[cfg(feature = "__oci")]
mod source;
mod sourced;
pub mod template;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{ServerEntry, ServerName};

pub use diagnostic::Diagnostic;
#[cfg(feature = "search-minilm")]
pub use embed::MiniLmEmbedder;
pub use embed::{Embedder, HashedEmbedder, VectorCache};
pub use file::{FileCatalog, LoadOptions, LoadReport, RefusedEntry};
pub use fingerprint::fingerprint;
pub use host::HostCatalog;
pub use layered::LayeredCatalog;
pub use memory::MemoryCatalog;
pub use scope::{Admission, Scope, ScopeRule, ScopeSpec, ScopeVerification, ScopedCatalog};
pub use search::{Match, SearchIndex, SearchQuery, SearchResult, ToolMatch};
#[cfg(feature = "__oci")]
pub use signature::{CatalogKey, CatalogPublicKey, CatalogSignature};
#[cfg(feature = "__oci")]
pub use source::{
    CatalogOrigin, CatalogSource, FetchedCatalog, KnownCatalog, SourceOptions, SourceState, push_catalog, render,
    tag_artifact,
};
pub use sourced::SourcedCatalog;

pub(crate) use decode::Fields;
pub(crate) use diagnostic::{Position, Problems, joined};
#[cfg(feature = "gateway-home")]
pub(crate) use tree::Kind;
pub(crate) use tree::{Node, typed};

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

    /// What tells that nothing has changed: as long as it stays the same, so does what `list` gives. Nothing where that is
    /// not known; then everything is listed anew for each search.
    fn revision(&self) -> Option<u64> {
        None
    }

    /// Whether catalogs below this one are to be silent about a server; its own entries are not concerned.
    fn hides(&self, server: &ServerName) -> bool {
        let _ = server;
        false
    }

    /// Why a server is not there although it is described: what a scope says. It is for operators, never for an agent.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    async fn refusal(&self, server: &ServerName) -> Result<Option<Error>> {
        let _ = server;
        Ok(None)
    }

    /// Whether an entry is there only as long as the signature of its own signer is verified, whatever a profile says.
    fn demands_signature(&self, entry: &ServerEntry) -> bool {
        let _ = entry;
        false
    }
}
