//! Verification: whether an image is what it should be, before anything of it runs.

mod digest;
#[cfg(feature = "verify-sigstore")]
pub mod signature;

use std::fmt;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ImageReference, RegistryLogin, Signer, VerifyMode, VerifyRule};

pub use crate::model::{Verification, VerificationLevel};
pub use digest::DigestVerifier;
#[cfg(feature = "verify-sigstore")]
pub use signature::SignatureVerifier;

/// Checks images.
///
/// # Behavior
/// - What is verified is the digest, never the tag.
/// - An error counts as a refusal: the image does not run.
/// - A verifier that cannot check what the rule asks for refuses.
#[async_trait]
pub trait Verifier: fmt::Debug + Send + Sync + 'static {
    /// Checks an image.
    ///
    /// # Errors
    /// `Denied` when the image must not run, `Network` when that cannot be found out.
    async fn verify(&self, check: &ImageCheck) -> Result<Verification>;
}

/// What is checked of an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageCheck {
    /// The image, as it was named.
    pub image: ImageReference,
    /// What the name stands for; `None` for an image that never came from a registry.
    pub digest: Option<Digest>,
    /// What is asked of it.
    pub rule: VerifyRule,
    /// How the registry that holds the signatures is told who asks.
    pub login: Option<RegistryLogin>,
}

impl ImageCheck {
    /// A check of the digest alone.
    pub fn new(image: ImageReference, digest: Option<Digest>) -> Self {
        Self { image, digest, rule: VerifyRule::OFF, login: None }
    }

    /// Asks for a signature, too.
    #[must_use]
    pub fn with_rule(mut self, rule: VerifyRule) -> Self {
        self.rule = rule;
        self
    }

    /// Tells the registry who asks.
    #[must_use]
    pub fn with_login(mut self, login: Option<RegistryLogin>) -> Self {
        self.login = login;
        self
    }

    /// Where the signatures are.
    pub fn signatures(&self) -> ImageReference {
        let repository = self.rule.signer.as_ref().and_then(|signer| signer.repository.as_deref());
        repository.and_then(|text| ImageReference::parse(text).ok()).unwrap_or_else(|| self.image.clone())
    }

    /// What tells this rule from others; a finding holds for the digest and the rule that it was made for.
    pub fn fingerprint(&self) -> String {
        let rule = serde_json::to_string(&self.rule).unwrap_or_default();
        hex::encode(&Sha256::digest(rule)[..16])
    }

    /// The signer whose signature is looked for, and the digest that it must be of.
    ///
    /// # Errors
    /// `Denied` when a signature is needed and there can be none.
    pub fn wanted(&self) -> Result<Option<(&Signer, &Digest)>> {
        let required = match self.rule.mode {
            VerifyMode::Off => return Ok(None),
            VerifyMode::IfPresent => false,
            VerifyMode::Required => true,
        };
        let denied = |why: &'static str, hint: &'static str| {
            Err(Error::new(ErrorKind::Denied, why).with_context("image", &self.image).with_hint(hint))
        };
        match (self.rule.signer.as_ref().filter(|signer| signer.covers(&self.image)), &self.digest) {
            (Some(signer), Some(digest)) => Ok(Some((signer, digest))),
            (None, _) if required => denied(
                "the image must be signed, and nobody says by whom",
                "name the signer in the profile: `verify: {signers: {\"REPOSITORY\": {key: …}}}`",
            ),
            (_, None) if required => denied(
                "the image must be signed, and it is a local one that no registry has a digest of",
                "push it to a registry, sign it there and name it by that registry; or say `verify: off` for this server in the profile",
            ),
            _ => Ok(None),
        }
    }
}
