//! Manifests, as far as artifacts and signatures need them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The media type of an OCI manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a configuration that says nothing.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The media types of manifests and indexes that are read.
pub(super) const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
                                         application/vnd.oci.image.index.v1+json, \
                                         application/vnd.docker.distribution.manifest.v2+json, \
                                         application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest or an index.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<Descriptor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<Descriptor>,
    /// The manifests of an index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) manifests: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What points to a blob or a manifest.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    /// In lists of what refers to something, what kind of artifact it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) artifact_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What an image of an index runs on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
}

impl Manifest {
    /// What kind of artifact it is: what it says itself, or else, as before OCI 1.1, its configuration's media type.
    pub(super) fn kind(&self) -> &str {
        let of_config = self.config.as_ref().map(|config| config.media_type.as_str());
        self.artifact_type.as_deref().filter(|kind| !kind.is_empty()).or(of_config).unwrap_or_default()
    }
}
