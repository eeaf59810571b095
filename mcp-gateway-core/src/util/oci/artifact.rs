//! Artifacts: a few files of a kind, kept in a registry as an image would be.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::manifest::{Descriptor, EMPTY, MANIFEST, Manifest};
use super::repository::{Repository, digest_of};
use crate::error::{Error, ErrorKind, Result};

/// The most layers of an artifact.
const MAX_LAYERS: usize = 32;

/// An artifact: its kind and its files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Artifact {
    /// Its kind, a media type.
    pub(crate) kind: String,
    /// Its files, in their order.
    pub(crate) layers: Vec<Layer>,
    /// What is said about it.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A file of an artifact.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Its media type.
    pub(crate) media_type: String,
    /// Its content.
    pub(crate) content: Bytes,
}

/// An artifact of a registry.
#[derive(Clone, Debug)]
pub(crate) struct Pulled {
    /// The digest of its manifest.
    pub(crate) digest: String,
    /// The artifact.
    pub(crate) artifact: Artifact,
}

impl Layer {
    /// A file.
    pub(crate) fn new(media_type: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { media_type: media_type.into(), content: content.into() }
    }
}

impl Repository<'_> {
    /// The digest of what a tag or a digest stands for.
    ///
    /// # Errors
    /// `NotFound`; as [`manifest`](Self::manifest).
    pub(crate) async fn resolve(&self, reference: &str) -> Result<String> {
        let found = self.raw_manifest(reference).await?;
        found.map(|raw| raw.digest).ok_or_else(|| self.nothing_at(reference))
    }

    /// Fetches an artifact whose kind is `kind`, all files together at most `max_bytes`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidInput` when it is an artifact of another kind or an image, `TooLarge`, `Denied` when a part of
    /// it is not of its digest, `Network`, `Timeout`.
    pub(crate) async fn pull(&self, reference: &str, kind: &str, max_bytes: usize) -> Result<Pulled> {
        let raw = self.raw_manifest(reference).await?.ok_or_else(|| self.nothing_at(reference))?;
        let manifest = self.parse(&raw.body)?;
        let of = |error: Error| error.with_context("repository", self.name()).with_context("reference", reference);
        if manifest.kind() != kind {
            let found = match manifest.kind() {
                "" => "an index of images",
                found => found,
            };
            return Err(of(Error::new(ErrorKind::InvalidInput, format!("what is there is not `{kind}`")))
                .with_context("found", found));
        }
        if manifest.layers.len() > MAX_LAYERS {
            return Err(of(Error::new(ErrorKind::TooLarge, format!("artifact has more than {MAX_LAYERS} files"))));
        }
        let (mut layers, mut left) = (Vec::new(), max_bytes);
        for layer in &manifest.layers {
            if usize::try_from(layer.size).map_or(true, |size| size > left) {
                return Err(of(Error::new(ErrorKind::TooLarge, format!("artifact is larger than {max_bytes} bytes"))));
            }
            let missing = || of(Error::new(ErrorKind::NotFound, "a part of the artifact is missing in its registry"));
            let content = self.blob(layer, left).await?.ok_or_else(missing)?;
            left -= content.len();
            layers.push(Layer::new(layer.media_type.clone(), content));
        }
        let artifact = Artifact { kind: kind.to_owned(), layers, annotations: manifest.annotations };
        Ok(Pulled { digest: raw.digest, artifact })
    }

    /// Puts an artifact under a tag and gives its digest; the same artifact has the same digest everywhere.
    ///
    /// # Errors
    /// `Network` when the registry refuses it, `Timeout`, `Denied`.
    pub(crate) async fn push(&self, tag: &str, artifact: &Artifact) -> Result<String> {
        let config = self.put_blob(&Bytes::from_static(b"{}")).await?;
        let mut layers = Vec::new();
        for layer in &artifact.layers {
            let put = self.put_blob(&layer.content).await?;
            layers.push(Descriptor { media_type: layer.media_type.clone(), ..put });
        }
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(artifact.kind.clone()),
            config: Some(Descriptor { media_type: EMPTY.to_owned(), ..config }),
            layers,
            annotations: artifact.annotations.clone(),
            ..Manifest::default()
        };
        let body = serde_json::to_vec(&manifest)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the manifest makes no JSON").with_source(cause))?;
        let digest = digest_of(&body);
        self.put_manifest(tag, MANIFEST, body).await?;
        Ok(digest)
    }

    /// Gives what a tag or a digest stands for another tag, and its digest back.
    ///
    /// # Errors
    /// `NotFound`; as [`push`](Self::push).
    pub(crate) async fn tag(&self, reference: &str, tag: &str) -> Result<String> {
        let raw = self.raw_manifest(reference).await?.ok_or_else(|| self.nothing_at(reference))?;
        self.put_manifest(tag, &raw.media_type, raw.body).await?;
        Ok(raw.digest)
    }

    fn nothing_at(&self, reference: &str) -> Error {
        Error::new(ErrorKind::NotFound, format!("the registry has no `{reference}` in this repository"))
            .with_context("repository", self.name())
            .with_hint("check the name and the tag")
    }
}
