//! The digest pin: the image is exactly the one that was named or seen before.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{ImageCheck, Verification, VerificationLevel, Verifier};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Digest;

/// Refuses an image whose digest differs from the pinned one; the in-memory verifier of tests and examples too.
///
/// It knows nothing of signatures: an image that must have one is refused.
#[derive(Debug, Default)]
pub struct DigestVerifier {
    pins: BTreeMap<String, Digest>,
}

impl DigestVerifier {
    /// A verifier that knows only the digests that references themselves carry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pins a repository and tag, written as in the reference without its digest, to a digest.
    #[must_use]
    pub fn with_pin(mut self, image: impl Into<String>, digest: Digest) -> Self {
        self.pins.insert(image.into(), digest);
        self
    }
}

#[async_trait]
impl Verifier for DigestVerifier {
    async fn verify(&self, check: &ImageCheck) -> Result<Verification> {
        let found = self.compare(check)?;
        match check.wanted()? {
            None => Ok(found),
            Some((signer, _)) => Err(Error::new(ErrorKind::Denied, "this gateway cannot verify signatures")
                .with_context("image", &check.image)
                .with_context("signer", signer)
                .with_hint(
                    "build it with the feature `verify-sigstore`, or say `verify: off` for this server in the profile",
                )),
        }
    }
}

impl DigestVerifier {
    /// Compares the digest with the pinned one.
    ///
    /// # Errors
    /// `Denied` when they differ.
    pub(super) fn compare(&self, check: &ImageCheck) -> Result<Verification> {
        let (image, digest) = (&check.image, check.digest.as_ref());
        let name = match image.tag() {
            Some(tag) => format!("{}:{tag}", image.repository()),
            None => image.repository().to_owned(),
        };
        let pin = image.digest().or_else(|| self.pins.get(&name));
        match (pin, digest) {
            (Some(pin), Some(digest)) if pin == digest => {
                Ok(Verification::new(VerificationLevel::Pinned, format!("digest is {digest}")))
            }
            (Some(pin), found) => {
                let found = found.map_or("none", Digest::as_str);
                Err(Error::new(ErrorKind::Denied, "image is not the one that is pinned")
                    .with_context("image", image)
                    .with_context("pinned", pin)
                    .with_context("found", found))
            }
            (None, Some(digest)) => {
                Ok(Verification::new(VerificationLevel::None, format!("not pinned before; digest is now {digest}")))
            }
            (None, None) => Ok(Verification::new(VerificationLevel::None, "local image without a registry digest")),
        }
    }
}
