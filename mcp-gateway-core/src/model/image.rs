//! Image references and digests, in the form that OCI registries use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SecretValue;
use crate::error::{Error, ErrorKind, Result};

/// The digest of an image: `sha256:` and 64 hex digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Checks a digest.
    ///
    /// # Errors
    /// `InvalidInput` when it is not `sha256:` and 64 lower-case hex digits.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text))
        } else {
            Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a digest"))
                .with_hint("a digest is `sha256:` and 64 hex digits"))
        }
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::new(text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// A reference to an image: repository, and a tag or a digest or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageReference {
    /// Reads `repository[:tag][@digest]`.
    ///
    /// # Errors
    /// `InvalidInput` when a part is missing or has characters that a registry would refuse, or starts with `-`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong =
            |why: &str| Error::new(ErrorKind::InvalidInput, format!("`{text}` is not an image reference: {why}"));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest =
                    Digest::new(digest).map_err(|cause| wrong("the digest is not valid").with_source(cause))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[name_start..].split_once(':') {
            Some((name, tag)) => (&rest[..name_start + name.len()], Some(tag)),
            None => (rest, None),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
        if repository.is_empty() || !repository.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(wrong("the repository must start with a letter or digit"));
        }
        if !repository.chars().all(allowed) || repository.contains("//") || repository.ends_with('/') {
            return Err(wrong("the repository has characters that registries refuse"));
        }
        if let Some(tag) = tag
            && (tag.is_empty()
                || tag.len() > 128
                || tag.starts_with(['.', '-'])
                || !tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        {
            return Err(wrong("the tag is not valid"));
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }

    /// The repository, with its registry if one was written.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository, pinned to a digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The host of the registry that holds the image; `docker.io` where none is written.
    pub fn registry(&self) -> &str {
        match self.repository.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
            _ => "docker.io",
        }
    }

    /// The repository without its registry.
    pub fn path(&self) -> &str {
        match self.repository.split_once('/') {
            Some((host, path)) if host == self.registry() && host != "docker.io" => path,
            _ => self.short_repository(),
        }
    }

    /// The repository by its shortest name: what may be left out of names on Docker Hub is left out.
    pub fn short_repository(&self) -> &str {
        let hub = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"];
        let on_hub =
            self.registry() == "docker.io" || hub.iter().any(|host| host.strip_suffix('/') == Some(self.registry()));
        if !on_hub {
            return &self.repository;
        }
        let path = hub.iter().find_map(|host| self.repository.strip_prefix(host)).unwrap_or(&self.repository);
        path.strip_prefix("library/").unwrap_or(path)
    }
}

/// How a registry is told who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryLogin {
    /// By name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: SecretValue,
    },
    /// By a token that others are given for.
    IdentityToken(SecretValue),
}

#[cfg(feature = "__oci")]
impl From<RegistryLogin> for crate::util::oci::Login {
    fn from(login: RegistryLogin) -> Self {
        match login {
            RegistryLogin::Password { user, password } => {
                Self::Password { user, password: password.expose().to_owned().into() }
            }
            RegistryLogin::IdentityToken(token) => Self::IdentityToken(token.expose().to_owned().into()),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageReference {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, tag) in [
            ("mcp/time", "docker.io", None),
            ("mcp/time:1.0", "docker.io", Some("1.0")),
            ("localhost:5000/x/y:2", "localhost:5000", Some("2")),
            (&format!("ghcr.io/a/b:v1@{digest}"), "ghcr.io", Some("v1")),
        ] {
            let reference = ImageReference::parse(text).unwrap();
            assert_eq!((reference.registry(), reference.tag()), (registry, tag));
            assert_eq!(reference.to_string(), text);
        }
        for bad in ["", "--privileged", "a b", "x:", "x@sha256:12", "a//b", "x:-t"] {
            assert!(ImageReference::parse(bad).is_err(), "{bad}");
        }
    }
}
