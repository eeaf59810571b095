//! Where catalogs come from, and what is fetched from there.

mod address;
mod artifact;
mod image;
mod origin;
mod path;
#[cfg(feature = "catalog-registry")]
mod registry;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::RegistryLogin;

pub use artifact::{push_catalog, tag_artifact};
pub use origin::CatalogOrigin;
pub use text::render;

/// The largest catalog that is fetched.
const MAX_CATALOG: usize = 32 << 20;

/// A place that a catalog comes from.
///
/// # Behavior
/// - `fetch` gives a whole catalog in the form of a catalog file, or says that it is the one that is known.
/// - What cannot be a catalog is an error, never a catalog with less in it.
#[async_trait]
pub trait CatalogSource: fmt::Debug + Send + Sync + 'static {
    /// Fetches the catalog.
    ///
    /// # Errors
    /// `Network`, `Timeout` and `Io` when the place cannot be read; `InvalidConfig`, `TooLarge`, `Denied` and
    /// `InvalidInput` when what is there is not to be used.
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog>;
}

/// What was fetched before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KnownCatalog {
    /// What its source said of it.
    pub state: SourceState,
    /// Its text.
    pub text: String,
}

impl KnownCatalog {
    /// A catalog that was fetched before.
    pub fn new(state: SourceState, text: impl Into<String>) -> Self {
        Self { state, text: text.into() }
    }
}

/// What a source says of a catalog, to be asked later whether it is still the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct SourceState {
    /// The digest of an artifact or an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The entity tag of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When an address changed last, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Where a source that gives changes only goes on; it may be as large as the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a source answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FetchedCatalog {
    /// It is the catalog that is known.
    Unchanged,
    /// A catalog.
    Catalog {
        /// Its text, a catalog file.
        text: String,
        /// What the source says of it.
        state: SourceState,
        /// What was left out of it, for people.
        notes: Vec<String>,
        /// The signature that is beside it, as it is there; `None` where there is none, or none was asked for.
        signature: Option<String>,
    },
    /// It did not come as a whole, so that the catalog that is known stays.
    Interrupted {
        /// What the source says now of the catalog that is known: the next visit goes on where this one ended.
        state: SourceState,
        /// Why.
        error: Error,
    },
}

/// How a catalog is fetched.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceOptions {
    /// The login for the registry of an artifact or an image.
    pub login: Option<RegistryLogin>,
    /// Whether an address may be one that is not on the public internet.
    pub may_be_private: bool,
    /// Whether the catalog's signature is fetched too.
    pub signed: bool,
    /// What npm and PyPI packages of a registry of MCP servers are run in.
    #[cfg(feature = "catalog-registry")]
    pub images: crate::catalog::registry::PackageImages,
}

impl CatalogOrigin {
    /// What fetches from here.
    ///
    /// # Errors
    /// `InvalidInput` for the home's own catalogs, which come from nowhere; `Internal` when TLS cannot be set up.
    pub fn source(&self, options: SourceOptions) -> Result<Box<dyn CatalogSource>> {
        let SourceOptions { login, may_be_private, signed, .. } = options;
        Ok(match self {
            Self::Own => {
                return Err(Error::new(ErrorKind::InvalidInput, "an own catalog is not fetched from anywhere"));
            }
            Self::Path(path) => Box::new(path::PathSource::new(path.clone(), signed)),
            Self::Address(text) => Box::new(address::AddressSource::new(text, may_be_private, signed)?),
            Self::Artifact(reference) => Box::new(artifact::ArtifactSource::new(reference.clone(), login)?),
            Self::Image(image) => Box::new(image::ImageSource::new(image.clone(), login)?),
            #[cfg(feature = "catalog-registry")]
            Self::Registry(address) => {
                Box::new(registry::VisitedRegistry::new(address, may_be_private, options.images)?)
            }
        })
    }
}
