//! Whether a signature is its signer's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigstore_verify::crypto::{SubjectAltName, VerificationKey};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey, DsseEnvelope, Sha256Hash, SignatureBytes, SignatureContent};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier};

use super::material::Content;
use super::statement::{Claim, simple, statement};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, Signer};
use crate::util::pattern::Pattern;

/// Checks signatures against one signer.
pub(super) struct Checker<'a> {
    signer: &'a Signer,
    root: &'a Root,
    key: Option<Key>,
}

struct Key {
    der: DerPublicKey,
    verify: VerificationKey,
}

/// The certificates and logs that keyless signatures are checked against.
pub(super) struct Root {
    verifier: Verifier,
    has_logs: bool,
    has_certificate_logs: bool,
}

/// What a signature proves.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) claim: Claim,
    /// Who signed.
    pub(super) by: String,
    /// The source that the certificate names.
    pub(super) certified_source: Option<String>,
}

impl Root {
    /// A root in Sigstore's own form.
    ///
    /// # Errors
    /// `InvalidConfig` when it cannot be used.
    pub(super) fn parse(json: &str) -> Result<Self> {
        let wrong = |cause: &dyn std::fmt::Display| {
            Error::new(ErrorKind::InvalidConfig, format!("the trust root of signatures cannot be used: {cause}"))
                .with_hint("it is a file in the form of Sigstore's `trusted_root.json`")
        };
        let root = TrustedRoot::from_json(json).map_err(|cause| wrong(&cause))?;
        let verifier = Verifier::new(&root).map_err(|cause| wrong(&cause))?;
        Ok(Self { verifier, has_logs: !root.tlogs.is_empty(), has_certificate_logs: !root.ctlogs.is_empty() })
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").field("has_logs", &self.has_logs).finish_non_exhaustive()
    }
}

impl<'a> Checker<'a> {
    /// A checker of one signer.
    ///
    /// # Errors
    /// `InvalidConfig` when the signer's key cannot be used.
    pub(super) fn new(signer: &'a Signer, root: &'a Root) -> Result<Self> {
        let key = signer.key.as_deref().map(|pem| {
            let wrong = |cause: &dyn std::fmt::Display| {
                Error::new(ErrorKind::InvalidConfig, format!("the key of the signer cannot be used: {cause}"))
                    .with_hint("a key is ECDSA on P-256 or P-384, Ed25519 or RSA, in PEM")
            };
            let der = DerPublicKey::from_pem(pem.trim()).map_err(|cause| wrong(&cause))?;
            let verify = VerificationKey::from_spki(&der).map_err(|cause| wrong(&cause))?;
            Ok::<_, Error>(Key { der, verify })
        });
        Ok(Self { signer, root, key: key.transpose()? })
    }

    /// What a material proves about an image; the reason where it proves nothing.
    pub(super) fn check(&self, content: &Content, image: &Digest) -> Result<Proof, String> {
        match &self.key {
            Some(key) => self.by_key(key, content, image),
            None => self.by_identity(content, image),
        }
    }

    fn by_key(&self, key: &Key, content: &Content, image: &Digest) -> Result<Proof, String> {
        if self.signer.log {
            let bundle = content.bundle()?;
            require_log(&bundle)?;
            let policy = PublicKeyVerificationPolicy::new(key.der.clone());
            self.verify(content, &bundle, image, &policy)?;
        }
        let claim = match content {
            Content::Simple { payload, signature, .. } => {
                let signature = STANDARD.decode(signature).map_err(|_| "its signature cannot be read".to_owned())?;
                let signature = SignatureBytes::new(signature);
                key.verify.verify(payload, &signature).map_err(|_| "it is not by the signer's key".to_owned())?;
                simple(payload, image)?
            }
            Content::Envelope { envelope, .. } => {
                let envelope =
                    serde_json::from_slice(envelope).map_err(|_| "its envelope cannot be read".to_owned())?;
                enveloped(key, &envelope, image)?
            }
            Content::Bundle(_) | Content::Missing => match content.bundle()?.content {
                SignatureContent::DsseEnvelope(envelope) => enveloped(key, &envelope, image)?,
                _ => return Err("it is of a form that says nothing of an image".to_owned()),
            },
        };
        Ok(Proof { claim, by: self.signer.to_string(), certified_source: None })
    }

    fn by_identity(&self, content: &Content, image: &Digest) -> Result<Proof, String> {
        let (Some(identity), Some(issuer)) = (&self.signer.identity, &self.signer.issuer) else {
            return Err("there is no identity to compare it with".to_owned());
        };
        let bundle = content.bundle()?;
        if bundle.signing_certificate().is_none() {
            return Err("it is by a key, and the signer is known by an identity".to_owned());
        }
        let mut policy = VerificationPolicy::any_identity().require_issuer(issuer.as_str());
        // What the root has is demanded; a root of one's own may do without a log.
        if !self.root.has_certificate_logs {
            policy = policy.skip_sct();
        }
        if self.root.has_logs {
            require_log(&bundle)?;
        } else {
            policy = policy.skip_tlog_unsafe();
        }
        let result = self.verify(content, &bundle, image, &policy)?;
        let found = match result.identity() {
            Some(SubjectAltName::Uri(found) | SubjectAltName::Email(found)) => found,
            _ => return Err("its certificate names nobody".to_owned()),
        };
        if !Pattern::new(identity.as_str()).matches(found) {
            return Err(format!("it is by `{found}`"));
        }
        if !result.certificate_verified() {
            return Err("its certificate was not checked".to_owned());
        }
        let claim = match (content, &bundle.content) {
            (Content::Simple { payload, .. }, _) => simple(payload, image)?,
            (_, SignatureContent::DsseEnvelope(envelope)) => {
                statement(&envelope.payload_type, envelope.payload.as_bytes(), image)?
            }
            // The signature is of the digest of the image's manifest itself.
            _ => Claim::Signed,
        };
        let claims = result.certificate().map(|certificate| &certificate.ci_claims);
        let certified_source = claims.and_then(|claims| claims.source_repository_uri.clone());
        Ok(Proof { claim, by: format!("{found} ({issuer})"), certified_source })
    }

    /// Checks signature, certificate and log; what is signed is the payload of a simple signature, else the image.
    fn verify(
        &self,
        content: &Content,
        bundle: &Bundle,
        image: &Digest,
        policy: &dyn sigstore_verify::Policy,
    ) -> Result<VerificationResult, String> {
        let result = match content {
            Content::Simple { payload, .. } => self.root.verifier.verify(payload.as_slice(), bundle, policy),
            Content::Envelope { .. } | Content::Bundle(_) | Content::Missing => {
                let hex = image.as_str().trim_start_matches("sha256:");
                let digest = Sha256Hash::from_hex(hex).map_err(|cause| cause.to_string())?;
                self.root.verifier.verify(digest, bundle, policy)
            }
        };
        result.map_err(|cause| cause.to_string())
    }
}

/// An entry that nothing vouches for is as good as none.
fn require_log(bundle: &Bundle) -> Result<(), String> {
    let entries = &bundle.verification_material.tlog_entries;
    let is_proven = |entry: &sigstore_verify::types::TransparencyLogEntry| {
        entry.inclusion_promise.is_some() || entry.inclusion_proof.is_some()
    };
    if entries.is_empty() || !entries.iter().all(is_proven) {
        return Err("it is not in a transparency log".to_owned());
    }
    Ok(())
}

fn enveloped(key: &Key, envelope: &DsseEnvelope, image: &Digest) -> Result<Claim, String> {
    let signed = key.verify.verify(envelope.pae(), &envelope.signature.sig);
    signed.map_err(|_| "it is not by the signer's key".to_owned())?;
    statement(&envelope.payload_type, envelope.payload.as_bytes(), image)
}
