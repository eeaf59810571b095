//! Verification: whether an image is what it should be, before anything of it runs.

mod digest;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Digest, ImageReference};

pub use digest::DigestVerifier;

/// Checks images.
///
/// # Behavior
/// - What is verified is the digest, never the tag.
/// - An error counts as a refusal: the image does not run.
#[async_trait]
pub trait Verifier: fmt::Debug + Send + Sync + 'static {
    /// Checks the image with this digest; `digest` is `None` for an image that never came from a registry.
    ///
    /// # Errors
    /// `Denied` when the image must not run, `Network` when that cannot be found out.
    async fn verify(&self, image: &ImageReference, digest: Option<&Digest>) -> Result<Verification>;
}

/// What was found out about an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// How far it is known to be what it should be.
    pub level: VerificationLevel,
    /// What was checked, for a person.
    pub detail: String,
}

impl Verification {
    /// Makes a finding.
    pub fn new(level: VerificationLevel, detail: impl Into<String>) -> Self {
        Self { level, detail: detail.into() }
    }
}

/// How far an image is known to be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum VerificationLevel {
    /// Nothing is known: a local image, or a tag that may move.
    None,
    /// It is exactly the image that was named or seen before.
    Pinned,
    /// A trusted signer vouches for it.
    Signed,
}
