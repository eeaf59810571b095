//! What is found beside an image: signatures and attestations in their several forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore_verify::types::Bundle;

use crate::error::Result;
use crate::model::Digest;
use crate::util::oci::{Descriptor, Repository};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";

/// The most signatures and attestations of one image that are looked at.
const MAX_MATERIALS: usize = 32;
/// The largest of them: a signed list of what is in an image can be long.
const MAX_BLOB: usize = 8 << 20;
/// The most bytes of them together.
const MAX_BYTES: usize = 32 << 20;

/// A signature or an attestation that was found, not yet believed.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) content: Content,
    /// The blob that it was read from.
    pub(super) digest: String,
}

/// The forms.
#[derive(Debug)]
pub(super) enum Content {
    /// A payload that names the image, signed as it is.
    Simple { payload: Vec<u8>, signature: String, witness: Witness },
    /// A signed statement about the image.
    Envelope { envelope: Vec<u8>, witness: Witness },
    /// Everything in one file.
    Bundle(Vec<u8>),
    /// Something that the registry names and does not give, or that is too large.
    Missing,
}

/// What the older forms carry beside a signature.
#[derive(Debug, Default)]
pub(super) struct Witness {
    certificate: Option<String>,
    chain: Option<String>,
    log_entry: Option<String>,
}

impl Witness {
    fn of(layer: &Descriptor) -> Self {
        let take = |key: &str| layer.annotations.get(key).filter(|value| !value.is_empty()).cloned();
        Self { certificate: take(CERTIFICATE), chain: take(CHAIN), log_entry: take(LOG_ENTRY) }
    }
}

/// Collects what is beside an image: classic tags, then what refers to it.
///
/// # Errors
/// `Network` or `Timeout` when the registry does not say, `Denied` when it answers with something else than asked for.
pub(super) async fn collect(repository: &Repository<'_>, image: &Digest) -> Result<Vec<Material>> {
    let mut found = Found::default();
    let hex = image.as_str().trim_start_matches("sha256:");
    for kind in ["sig", "att"] {
        if let Some(manifest) = repository.manifest(&format!("sha256-{hex}.{kind}")).await? {
            for layer in &manifest.layers {
                found.take(repository, layer).await?;
            }
        }
    }
    let mut listed = repository.referrers(image.as_str()).await?;
    // So many other things may refer to an image that what is a signature by its own word is looked at first.
    listed.sort_by_key(|descriptor| !descriptor.artifact_type.contains("sigstore"));
    // Registries from before such lists have them under a tag; those that learnt them later may have both.
    let tagged = repository.manifest(&format!("sha256-{hex}")).await?.map(|list| list.manifests).unwrap_or_default();
    let mut seen = Vec::new();
    for descriptor in listed.into_iter().chain(tagged).take(MAX_MATERIALS) {
        let Ok(digest) = Digest::new(descriptor.digest) else { continue };
        if seen.contains(&digest) {
            continue;
        }
        match repository.manifest(digest.as_str()).await? {
            None => found.materials.push(Material { content: Content::Missing, digest: digest.to_string() }),
            Some(manifest) => {
                let is_of_it = manifest.subject.is_none_or(|subject| subject.digest == image.as_str());
                for layer in manifest.layers.iter().filter(|_| is_of_it) {
                    found.take(repository, layer).await?;
                }
            }
        }
        seen.push(digest);
    }
    Ok(found.materials)
}

#[derive(Default)]
struct Found {
    materials: Vec<Material>,
    bytes: usize,
}

impl Found {
    async fn take(&mut self, repository: &Repository<'_>, layer: &Descriptor) -> Result<()> {
        let kind = layer.media_type.as_str();
        let is_known = kind == SIMPLE_SIGNING || kind == ENVELOPE || kind.starts_with(BUNDLE);
        if !is_known || self.materials.len() >= MAX_MATERIALS || self.bytes >= MAX_BYTES {
            return Ok(());
        }
        let body = repository.blob(layer, MAX_BLOB).await?;
        self.bytes += body.as_ref().map_or(0, Vec::len);
        let content = match (kind, body) {
            (_, None) => Content::Missing,
            (SIMPLE_SIGNING, Some(body)) => Content::Simple {
                payload: body,
                signature: layer.annotations.get(SIGNATURE).cloned().unwrap_or_default(),
                witness: Witness::of(layer),
            },
            (ENVELOPE, Some(body)) => Content::Envelope { envelope: body, witness: Witness::of(layer) },
            (_, Some(body)) => Content::Bundle(body),
        };
        self.materials.push(Material { content, digest: layer.digest.clone() });
        Ok(())
    }
}

impl Content {
    /// The material in the one form that carries everything, the older ones put into it; the reason where that cannot be.
    pub(super) fn bundle(&self) -> Result<Bundle, String> {
        let value = match self {
            Self::Missing => return Err("it cannot be had from the registry".to_owned()),
            Self::Bundle(text) => return parse(std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?),
            Self::Simple { payload, signature, witness } => {
                let digest = STANDARD.encode(Sha256::digest(payload));
                let mut bundle = witness.bundle()?;
                bundle["messageSignature"] =
                    json!({"messageDigest": {"algorithm": "SHA2_256", "digest": digest}, "signature": signature});
                bundle
            }
            Self::Envelope { envelope, witness } => {
                let mut bundle = witness.bundle()?;
                bundle["dsseEnvelope"] = serde_json::from_slice(envelope)
                    .map_err(|cause| format!("its envelope cannot be read: {cause}"))?;
                bundle
            }
        };
        parse(&value.to_string())
    }
}

fn parse(text: &str) -> Result<Bundle, String> {
    Bundle::from_json(text).map_err(|cause| format!("it cannot be read: {cause}"))
}

impl Witness {
    fn bundle(&self) -> Result<Value, String> {
        let material = match &self.certificate {
            Some(certificate) => {
                let all = certificates(certificate).into_iter();
                let all = all.chain(self.chain.as_deref().map(certificates).unwrap_or_default());
                let all: Vec<_> = all.map(|der| json!({"rawBytes": der})).collect();
                json!({"x509CertificateChain": {"certificates": all}})
            }
            None => json!({"publicKey": {"hint": ""}}),
        };
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "verificationMaterial": material,
        });
        if let Some(entry) = &self.log_entry {
            bundle["verificationMaterial"]["tlogEntries"] = json!([log_entry(entry)?]);
        }
        Ok(bundle)
    }
}

/// An entry of a transparency log, as the older forms carry it.
fn log_entry(text: &str) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Written {
        signed_entry_timestamp: String,
        payload: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        body: String,
        integrated_time: i64,
        log_index: u64,
        #[serde(rename = "logID")]
        log_id: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        kind: String,
        api_version: String,
    }
    let wrong = |what: &str| format!("its entry of the log has {what} that cannot be read");
    let Written { signed_entry_timestamp, payload } = serde_json::from_str(text).map_err(|_| wrong("a form"))?;
    let body = STANDARD.decode(&payload.body).map_err(|_| wrong("a body"))?;
    let body: Body = serde_json::from_slice(&body).map_err(|_| wrong("a body"))?;
    let log = hex::decode(&payload.log_id).map_err(|_| wrong("an id"))?;
    Ok(json!({
        "logIndex": payload.log_index.to_string(),
        "logId": {"keyId": STANDARD.encode(log)},
        "kindVersion": {"kind": body.kind, "version": body.api_version},
        "integratedTime": payload.integrated_time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": signed_entry_timestamp},
        "canonicalizedBody": payload.body,
    }))
}

/// The certificates of a text in PEM, each in base64 without its frame.
fn certificates(pem: &str) -> Vec<String> {
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks
        .filter_map(|block| block.split_once("-----END CERTIFICATE-----"))
        .map(|(body, _)| body.split_whitespace().collect())
        .collect()
}
