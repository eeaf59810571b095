#![doc = include_str!("docs.md")]

mod check;
mod material;
mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::{DigestVerifier, ImageCheck, Verification, VerificationLevel, Verifier};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, Signer, VerifyMode};
use crate::util::http::{AddressRule, HttpClient};
use crate::util::oci::Repository;
use check::{Checker, Proof, Root};
use material::{Material, collect};
use statement::Claim;

/// How long finding and checking all signatures of an image may take.
const LIMIT: Duration = Duration::from_secs(90);

/// Verifies the signatures and the provenance of images.
///
/// # Behavior
/// - Signatures are read from the registry and checked here: nothing else is asked, and no log or key server is needed.
/// - A registry that does not answer is not one without signatures: it is a refusal, also where a signature may be missing.
///
/// # Examples
/// ```
/// use mcp_gateway_core::model::{Signer, VerifyMode, VerifyRule};
/// use mcp_gateway_core::verify::{ImageCheck, SignatureVerifier, Verifier};
///
/// # async fn example(check: ImageCheck) -> mcp_gateway_core::Result<()> {
/// let signer = Signer::of_identity(
///     "https://github.com/acme/time/.github/workflows/release.yml@refs/tags/*",
///     "https://token.actions.githubusercontent.com",
/// )?;
/// let verifier = SignatureVerifier::new()?;
/// let found = verifier.verify(&check.with_rule(VerifyRule::new(VerifyMode::Required, Some(signer)))).await?;
/// println!("{}", found.detail);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SignatureVerifier {
    digests: DigestVerifier,
    http: HttpClient,
    root: Arc<Root>,
}

impl SignatureVerifier {
    /// A verifier with the trust root of Sigstore's public service, as it was when this library was built.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Ok(Self {
            digests: DigestVerifier::new(),
            http: HttpClient::new(AddressRule::Any)?,
            root: Arc::new(Root::parse(SIGSTORE_PRODUCTION_TRUSTED_ROOT)?),
        })
    }

    /// Trusts these certificates and logs, in the form of Sigstore's `trusted_root.json`, and no others.
    ///
    /// # Errors
    /// `InvalidConfig` when they cannot be used.
    pub fn with_trust_root(mut self, json: &str) -> Result<Self> {
        self.root = Arc::new(Root::parse(json)?);
        Ok(self)
    }

    async fn signatures(&self, check: &ImageCheck, signer: &Signer, digest: &Digest) -> Result<Verification> {
        let place = check.signatures();
        let login = check.login.clone().map(Into::into);
        let repository = Repository::new(&self.http, place.registry(), place.path(), login)?;
        let materials = collect(&repository, digest).await?;
        if materials.is_empty() {
            if check.rule.mode == VerifyMode::IfPresent {
                return Ok(Verification::new(VerificationLevel::None, "not signed, which is allowed"));
            }
            return Err(Error::new(ErrorKind::Denied, "the image is not signed")
                .with_context("signatures", repository.name())
                .with_hint("ask its publisher for a signature, or say `verify: off` for this server in the profile"));
        }
        let checker = Checker::new(signer, &self.root)?;
        let mut reasons = Vec::new();
        let mut proofs: Vec<(Proof, &Material)> = Vec::new();
        for material in &materials {
            match checker.check(&material.content, digest) {
                Ok(proof) => proofs.push((proof, material)),
                Err(reason) => reasons.push(reason),
            }
        }
        judge(signer, &proofs, &reasons, &repository.name())
    }
}

/// What all proofs together mean.
fn judge(signer: &Signer, proofs: &[(Proof, &Material)], reasons: &[String], repository: &str) -> Result<Verification> {
    let vouches = |claim: &Claim| matches!(claim, Claim::Signed | Claim::Provenance(_));
    let Some((proof, _)) = proofs.iter().find(|(proof, _)| vouches(&proof.claim)) else {
        let others = proofs.iter().filter_map(|(proof, _)| match &proof.claim {
            Claim::Other(kind) => Some(format!("`{kind}` is no signature")),
            Claim::Sbom(kind) => Some(format!("a list of contents ({kind}) is no signature")),
            Claim::Signed | Claim::Provenance(_) => None,
        });
        let mut reasons: Vec<_> = reasons.iter().cloned().chain(others).collect();
        reasons.dedup();
        reasons.truncate(3);
        return Err(Error::new(ErrorKind::Denied, "no signature of the image is its signer's")
            .with_context("signer", signer)
            .with_context("reason", reasons.join("; "))
            .with_hint(
                "an image that somebody else has signed may have been replaced; do not run it before that is clear",
            ));
    };
    let mut found = Verification::new(VerificationLevel::Signed, format!("signed by {}", proof.by));
    found.signer = Some(proof.by.clone());
    let mut contradictions = Vec::new();
    for (proof, material) in proofs {
        match &proof.claim {
            Claim::Provenance(provenance) => match provenance.contradicts(signer, proof.certified_source.as_deref()) {
                None if found.source.is_none() && found.builder.is_none() => {
                    found.source.clone_from(&provenance.source);
                    found.builder.clone_from(&provenance.builder);
                }
                None => {}
                Some(why) => contradictions.push(why),
            },
            Claim::Sbom(kind) => found.sboms.push(format!("{repository}@{} ({kind})", material.digest)),
            Claim::Signed | Claim::Other(_) => {}
        }
    }
    if signer.wants_provenance() && found.source.is_none() && found.builder.is_none() {
        let why =
            contradictions.into_iter().next().unwrap_or_else(|| "no provenance by the signer is there".to_owned());
        return Err(Error::new(ErrorKind::Denied, "the image does not come from where it should")
            .with_context("signer", signer)
            .with_context("reason", why));
    }
    if let Some(source) = &found.source {
        found.detail.push_str(", built from ");
        found.detail.push_str(source);
    }
    Ok(found)
}

#[async_trait]
impl Verifier for SignatureVerifier {
    async fn verify(&self, check: &ImageCheck) -> Result<Verification> {
        let pinned = self.digests.compare(check)?;
        let Some((signer, digest)) = check.wanted()? else { return Ok(pinned) };
        let found = tokio::time::timeout(LIMIT, self.signatures(check, signer, digest)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the signatures of the image could not be read in time").retry_later())
        });
        found.map_err(|error| {
            error
                .with_operation("SignatureVerifier::verify")
                .with_context("image", &check.image)
                .with_context("digest", digest)
        })
    }
}
