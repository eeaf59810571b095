//! Who signs images, and what happens with images that nobody signed.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::ImageReference;
use crate::error::{Error, ErrorKind, Result};

/// The signer whose key and repository are known by name.
const DOCKER: &str = "docker";
/// Docker's key for the images of `mcp/`, as its key ring publishes it: public/mcp/latest.pub of github.com/docker/keyring.
const DOCKER_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETcvGv5qypnoxKkFIQOdXZ+2H6JN8
8kmAQrMkTb6SmJ7BY59OJIOpTwdjD5joLot6zFs1Q7HHDmkF5HOaC8zSnA==
-----END PUBLIC KEY-----
";
/// Where Docker keeps the signatures of all images of `mcp/`.
const DOCKER_REPOSITORY: &str = "mcp/signatures";

/// What happens with an image that is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VerifyMode {
    /// It does not run; nor does one whose signatures cannot be asked for.
    Required,
    /// It runs if it has no signature at all; one that has must have the right one.
    IfPresent,
    /// Nobody looks for signatures.
    Off,
}

impl VerifyMode {
    /// The name that files and the command line use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::IfPresent => "if-present",
            Self::Off => "off",
        }
    }

    /// Reads `required`, `if-present` or `off`.
    ///
    /// # Errors
    /// `InvalidInput` for any other word.
    pub fn parse(text: &str) -> Result<Self> {
        [Self::Required, Self::IfPresent, Self::Off].into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("`{text}` does not say whether signatures are needed: `required`, `if-present` or `off`"),
            )
        })
    }
}

impl fmt::Display for VerifyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who signs an image, and where the signatures are.
///
/// Either a public key, or (keyless) an identity and who vouches for it. `docker` alone is Docker's own key.
///
/// ```yaml
/// signer:
///   identity: https://github.com/acme/time/.github/workflows/release.yml@refs/tags/*
///   issuer: https://token.actions.githubusercontent.com
///   source: https://github.com/acme/time
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Signer {
    /// The name by which the signer is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The public key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether signatures by the key must be in a transparency log; keyless ones always are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    /// The identity in the certificate: an address of a workflow or a person; `*` stands for any characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who vouches for the identity: the address of an OpenID issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The repository that holds the signatures, where that is not the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The repository of the source that signed provenance must name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The builder that signed provenance must name; `*` stands for any characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
}

impl Signer {
    /// A signer with this public key, PEM.
    ///
    /// # Errors
    /// `InvalidInput` when it is no public key.
    pub fn of_key(pem: impl Into<String>) -> Result<Self> {
        let signer = Self { key: Some(pem.into()), ..Self::default() };
        signer.check().map(|()| signer)
    }

    /// A keyless signer.
    ///
    /// # Errors
    /// `InvalidInput` when the identity could be almost anyone's.
    pub fn of_identity(identity: impl Into<String>, issuer: impl Into<String>) -> Result<Self> {
        let signer = Self { identity: Some(identity.into()), issuer: Some(issuer.into()), ..Self::default() };
        signer.check().map(|()| signer)
    }

    /// The signer that is known by this name.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is not known.
    pub fn named(name: &str) -> Result<Self> {
        if name != DOCKER {
            return Err(Error::new(ErrorKind::InvalidInput, format!("no signer is known as `{name}`")).with_hint(
                "the name that is known is `docker`; write any other signer with `key`, or `identity` and `issuer`",
            ));
        }
        Ok(Self {
            name: Some(DOCKER.to_owned()),
            key: Some(DOCKER_KEY.to_owned()),
            log: true,
            repository: Some(DOCKER_REPOSITORY.to_owned()),
            ..Self::default()
        })
    }

    /// Whether it signs such images: Docker's key is for `mcp/` only, any other signer for whatever names it.
    pub fn covers(&self, image: &ImageReference) -> bool {
        self.name.as_deref() != Some(DOCKER) || image.short_repository().starts_with("mcp/")
    }

    /// Whether signed provenance is asked for.
    pub fn wants_provenance(&self) -> bool {
        self.source.is_some() || self.builder.is_some()
    }

    fn check(&self) -> Result<()> {
        let wrong = |why: &str, hint: &'static str| {
            Err(Error::new(ErrorKind::InvalidInput, format!("signer {why}")).with_hint(hint))
        };
        const FORM: &str = "write `key` (PEM), or `identity` and `issuer`, or the name `docker` alone";
        match (&self.key, &self.identity, &self.issuer) {
            (Some(key), None, None) => {
                if !key.trim_start().starts_with("-----BEGIN PUBLIC KEY-----") {
                    return wrong(
                        "has a key that is no public key",
                        "write the text of the file, `-----BEGIN PUBLIC KEY-----` and what follows",
                    );
                }
            }
            (None, Some(identity), Some(issuer)) => {
                if !is_narrow(identity) {
                    return wrong(
                        "has an identity that could be almost anyone's",
                        "write what is before the first `*` up to the owner, such as `https://github.com/acme/*`",
                    );
                }
                if issuer.contains('*') || issuer.is_empty() {
                    return wrong("has an issuer that is none", "write the issuer's whole address");
                }
            }
            (None, None, None) => return wrong("has neither a key nor an identity", FORM),
            (Some(_), ..) => return wrong("has a key and an identity", FORM),
            (None, ..) => return wrong("has only one of `identity` and `issuer`", FORM),
        }
        if let Some(repository) = &self.repository {
            let reference = ImageReference::parse(repository)?;
            if reference.tag().is_some() || reference.digest().is_some() {
                return wrong("has a repository with a tag or digest", "write the repository alone");
            }
        }
        Ok(())
    }
}

/// A short text for people: the name, the identity or that there is a key.
impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.identity, &self.issuer) {
            (Some(name), ..) => f.write_str(name),
            (None, Some(identity), Some(issuer)) => write!(f, "{identity} ({issuer})"),
            _ => f.write_str("a key"),
        }
    }
}

/// Whether an identity with wildcards names at least a host and an owner; without wildcards, any is narrow.
fn is_narrow(identity: &str) -> bool {
    let Some((fixed, _)) = identity.split_once(['*', '?']) else { return !identity.is_empty() };
    let path = fixed.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    path.is_some_and(|path| path.find('/').is_some_and(|end| end > 0))
}

impl<'de> Deserialize<'de> for Signer {
    // By hand, because a derived reader of several forms could only say that none of them fits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", default, deny_unknown_fields)]
        #[derive(Default)]
        struct Written {
            name: Option<String>,
            key: Option<String>,
            log: bool,
            identity: Option<String>,
            issuer: Option<String>,
            repository: Option<String>,
            source: Option<String>,
            builder: Option<String>,
        }

        struct SignerVisitor;

        impl<'de> Visitor<'de> for SignerVisitor {
            type Value = Signer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name `docker`, or `key`, or `identity` and `issuer`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Signer, E> {
                Signer::named(name).map_err(de::Error::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Signer, A::Error> {
                let written = Written::deserialize(MapAccessDeserializer::new(map))?;
                let Written { name, key, log, identity, issuer, repository, source, builder } = written;
                let known = name.as_deref().map(Signer::named).transpose().map_err(de::Error::custom)?;
                let mut signer = Signer { name: None, key, log, identity, issuer, repository, source, builder };
                if let Some(known) = known {
                    // As it is written back: a name means its own key, whatever else is said.
                    if signer.key.as_ref().is_some_and(|key| known.key.as_ref() != Some(key))
                        || signer.identity.is_some()
                    {
                        return Err(de::Error::custom("a signer with a name has no other key or identity"));
                    }
                    signer = Signer {
                        repository: signer.repository.or(known.repository),
                        source: signer.source,
                        builder: signer.builder,
                        name: known.name,
                        key: known.key,
                        log: known.log,
                        ..Signer::default()
                    };
                }
                signer.check().map_err(de::Error::custom)?;
                Ok(signer)
            }
        }

        deserializer.deserialize_any(SignerVisitor)
    }
}

/// What is asked of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VerifyRule {
    /// What happens when it is not signed.
    pub mode: VerifyMode,
    /// Who must have signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
}

impl VerifyRule {
    /// Nothing is asked.
    pub const OFF: Self = Self { mode: VerifyMode::Off, signer: None };

    /// A rule.
    pub fn new(mode: VerifyMode, signer: Option<Signer>) -> Self {
        Self { mode, signer }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<Signer, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_signer_is_a_key_or_an_identity_or_known_by_name() {
        let docker = read(json!("docker")).unwrap();
        assert!(docker.log && docker.repository.as_deref() == Some("mcp/signatures"));
        assert_eq!(
            read(serde_json::to_value(&docker).unwrap()).unwrap(),
            docker,
            "what is written is read as the same"
        );
        let image = |text: &str| ImageReference::parse(text).unwrap();
        assert!(docker.covers(&image("mcp/time")) && docker.covers(&image("registry-1.docker.io/mcp/time:1")));
        assert!(!docker.covers(&image("ghcr.io/mcp/time")) && !docker.covers(&image("evil/time")));
        let keyless = json!({"identity": "https://github.com/acme/*", "issuer": "https://token.example"});
        assert_eq!(read(keyless.clone()).unwrap().to_string(), "https://github.com/acme/* (https://token.example)");
        assert_eq!(serde_json::to_value(read(keyless.clone()).unwrap()).unwrap(), keyless);
        for (wrong, said) in [
            (json!("someone"), "no signer is known as `someone`"),
            (json!({}), "neither a key nor an identity"),
            (json!({"key": "hello"}), "no public key"),
            (json!({"identity": "a@b.example"}), "only one of"),
            (json!({"identity": "*", "issuer": "https://x.example"}), "almost anyone's"),
            (json!({"identity": "https://github.com/*", "issuer": "https://x.example"}), "almost anyone's"),
            (json!({"identity": "https://github.com/acme*", "issuer": "https://x.example"}), "almost anyone's"),
            (json!({"identity": "https://github.com/acme/x", "issuer": "*"}), "issuer"),
            (json!({"name": "docker", "key": "-----BEGIN PUBLIC KEY-----\nother"}), "no other key"),
            (json!({"keys": "x"}), "unknown field"),
            (json!(7), "the name `docker`"),
        ] {
            let error = read(wrong.clone()).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
