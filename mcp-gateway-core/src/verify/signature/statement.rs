//! What signed texts say of an image.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Digest, Signer};
use crate::util::pattern::Pattern;

const IN_TOTO: &str = "application/vnd.in-toto+json";
/// What cosign says of an image that it signs.
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const PROVENANCE: [&str; 3] =
    ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v0.1"];

/// What is said of an image.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim {
    /// That it is what it should be.
    Signed,
    /// Where it comes from.
    Provenance(Provenance),
    /// What is in it, in the form of this name.
    Sbom(&'static str),
    /// Something that says nothing about whether it may run, such as what a scan has found.
    Other(String),
}

/// Where an image comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Provenance {
    pub(super) source: Option<String>,
    pub(super) builder: Option<String>,
}

/// Reads the payload of a simple signature: it must be of this image.
pub(super) fn simple(payload: &[u8], image: &Digest) -> Result<Claim, String> {
    #[derive(Deserialize)]
    struct Payload {
        critical: Critical,
    }
    #[derive(Deserialize)]
    struct Critical {
        image: Image,
        #[serde(rename = "type")]
        kind: String,
    }
    #[derive(Deserialize)]
    struct Image {
        #[serde(rename = "docker-manifest-digest")]
        digest: String,
    }
    let payload: Payload = serde_json::from_slice(payload).map_err(|_| "its payload cannot be read".to_owned())?;
    if payload.critical.kind != "cosign container image signature" {
        return Err("its payload is not that of an image's signature".to_owned());
    }
    if payload.critical.image.digest != image.as_str() {
        return Err(format!("it is of another image, {}", payload.critical.image.digest));
    }
    Ok(Claim::Signed)
}

/// Reads a statement: it must be of this image.
pub(super) fn statement(payload_type: &str, payload: &[u8], image: &Digest) -> Result<Claim, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        subject: Vec<Subject>,
        predicate_type: String,
        #[serde(default)]
        predicate: Value,
    }
    #[derive(Deserialize)]
    struct Subject {
        digest: std::collections::HashMap<String, String>,
    }
    if payload_type != IN_TOTO {
        return Err(format!("it is a statement of an unknown form, `{payload_type}`"));
    }
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|_| "its statement cannot be read".to_owned())?;
    let hex = image.as_str().trim_start_matches("sha256:");
    if !statement.subject.iter().any(|subject| subject.digest.get("sha256").is_some_and(|digest| digest == hex)) {
        return Err("it is of another image".to_owned());
    }
    Ok(match statement.predicate_type.as_str() {
        SIGNED => Claim::Signed,
        kind if PROVENANCE.contains(&kind) => Claim::Provenance(Provenance::of(&statement.predicate)),
        kind if kind.starts_with("https://spdx.dev/Document") => Claim::Sbom("spdx"),
        kind if kind.starts_with("https://cyclonedx.org/") => Claim::Sbom("cyclonedx"),
        other => Claim::Other(other.to_owned()),
    })
}

impl Provenance {
    /// The source is what the build was told to build; what it used on the way does not count.
    fn of(predicate: &Value) -> Self {
        let text = |pointer: &str| predicate.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let sources = [
            "/buildDefinition/externalParameters/workflow/repository",
            "/buildDefinition/externalParameters/source/uri",
            "/buildDefinition/externalParameters/source",
            "/buildDefinition/externalParameters/configSource/uri",
            "/invocation/configSource/uri",
        ];
        Self {
            source: sources.into_iter().find_map(text),
            builder: text("/runDetails/builder/id").or_else(|| text("/builder/id")),
        }
    }

    /// Why this is not where the signer's images come from; `None` when it is.
    ///
    /// `certified` is the source that the signer's certificate names, if it names one.
    pub(super) fn contradicts(&self, signer: &Signer, certified: Option<&str>) -> Option<String> {
        let named = |found: Option<&str>| found.unwrap_or("nothing").to_owned();
        if let Some(wanted) = &signer.source {
            for source in [Some(self.source.as_deref()), certified.map(Some)].into_iter().flatten() {
                if source.map(repository) != Some(repository(wanted)) {
                    return Some(format!("its source is {}, not {wanted}", named(source)));
                }
            }
        }
        if let Some(wanted) = &signer.builder
            && !self.builder.as_deref().is_some_and(|builder| Pattern::new(wanted.as_str()).matches(builder))
        {
            return Some(format!("its builder is {}, not {wanted}", named(self.builder.as_deref())));
        }
        None
    }
}

/// A repository's address without what may differ in how it is written.
fn repository(address: &str) -> &str {
    let address = address.strip_prefix("git+").unwrap_or(address);
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split(['@', '#']).next().unwrap_or(address).trim_end_matches('/');
    address.strip_suffix(".git").unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image() -> Digest {
        Digest::new(format!("sha256:{}", "a".repeat(64))).unwrap()
    }

    #[test]
    fn a_signature_is_of_one_image() {
        let payload = |digest: &str, kind: &str| {
            json!({"critical": {"identity": {"docker-reference": "x"}, "image": {"docker-manifest-digest": digest},
                "type": kind}, "optional": null})
            .to_string()
        };
        let kind = "cosign container image signature";
        assert_eq!(simple(payload(image().as_str(), kind).as_bytes(), &image()), Ok(Claim::Signed));
        let other = format!("sha256:{}", "b".repeat(64));
        assert!(simple(payload(&other, kind).as_bytes(), &image()).unwrap_err().contains("another image"));
        assert!(simple(payload(image().as_str(), "atomic container signature").as_bytes(), &image()).is_err());
        assert!(simple(b"{}", &image()).is_err());
    }

    #[test]
    fn statements_are_told_apart_by_what_they_say() {
        let read = |hex: &str, kind: &str, predicate: Value| {
            let text = json!({"subject": [{"name": "x", "digest": {"sha256": hex}}], "predicateType": kind,
                "predicate": predicate});
            statement(IN_TOTO, text.to_string().as_bytes(), &image())
        };
        let hex = "a".repeat(64);
        assert_eq!(read(&hex, SIGNED, json!({})), Ok(Claim::Signed));
        assert!(read(&"b".repeat(64), SIGNED, json!({})).is_err());
        // What a scanner has found, signed by the very signer, is no word for the image.
        assert!(matches!(
            read(&hex, "https://cosign.sigstore.dev/attestation/vuln/v1", json!({})),
            Ok(Claim::Other(_))
        ));
        assert!(statement("text/plain", b"{}", &image()).is_err());
        let v1 = json!({"buildDefinition": {
                "externalParameters": {"workflow": {"repository": "https://github.com/acme/time"}},
                "resolvedDependencies": [{"uri": "git+https://github.com/evil/time@refs/heads/main"}]},
            "runDetails": {"builder": {"id": "https://github.com/actions/runner/github-hosted"}}});
        let v02 = json!({"builder": {"id": "https://b.example"},
            "invocation": {"configSource": {"uri": "git+https://github.com/acme/time.git@refs/heads/main"}}});
        let mut signer = Signer::of_key("-----BEGIN PUBLIC KEY-----").unwrap();
        signer.source = Some("https://github.com/acme/time".to_owned());
        for (kind, predicate) in [(PROVENANCE[0], v1), (PROVENANCE[1], v02)] {
            let Ok(Claim::Provenance(found)) = read(&hex, kind, predicate) else { panic!("{kind}") };
            assert_eq!(found.contradicts(&signer, None), None);
            assert_eq!(found.contradicts(&signer, Some("https://github.com/acme/time")), None);
            assert!(found.contradicts(&signer, Some("https://github.com/evil/time")).is_some());
            let mut other = signer.clone();
            other.source = Some("https://github.com/acme/times".to_owned());
            assert!(found.contradicts(&other, None).unwrap().contains("its source is"));
            other.source = None;
            other.builder = Some("https://github.com/actions/*".to_owned());
            assert_eq!(found.contradicts(&other, None).is_none(), kind == PROVENANCE[0]);
        }
        assert!(Provenance::default().contradicts(&signer, None).unwrap().contains("nothing"));
    }
}
