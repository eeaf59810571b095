//! Signatures of whole catalogs, beside them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::diagnostic::Diagnostic;
use super::tree::Node;
use crate::error::{Error, ErrorKind, Result};
use crate::util::clock;
use crate::util::ed25519::{PrivateKey, PublicKey};

/// What the statement begins with: another form is another statement.
const FORM: &str = "mcp-gateway catalog signature 1";
/// What its key is called where something is said of it.
const PURPOSE: &str = "catalogs";
/// The largest text of a signature, and its longest name.
pub(super) const MAX_SIGNATURE: usize = 16 * 1024;
const MAX_NAME: usize = 128;

/// Signs catalogs, by Ed25519.
pub struct CatalogKey(PrivateKey);

/// Checks what a [`CatalogKey`] has signed; written as `ed25519:` and Base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogPublicKey(PublicKey);

/// The signature of a catalog: a small JSON file beside it, `FILE.sig`, or a layer of its artifact.
///
/// # Behavior
/// - It is of what the catalog says, not of how it is written: comments, order of keys, and YAML or JSON make no difference.
/// - It carries the catalog's name and a version that grows, so that an older catalog, or another one of the same signer,
///   cannot be put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct CatalogSignature {
    /// The form of the statement that is signed.
    pub form: String,
    /// The name that its signer gave the catalog.
    pub name: String,
    /// Grows with each catalog of this name.
    pub version: u64,
    /// When it was signed, RFC 3339.
    pub time: String,
    /// The digest of what the catalog says.
    pub catalog: String,
    /// Who signed it.
    pub key: String,
    /// The signature, in Base64.
    pub signature: String,
}

impl CatalogKey {
    /// The key of a file; a new one where there is none, readable by its owner only.
    ///
    /// # Errors
    /// `InvalidConfig` when the file holds no key, `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        PrivateKey::open(path, PURPOSE).map(Self)
    }

    /// The key of a file, or `None` where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(path: &Path) -> Result<Option<Self>> {
        Ok(PrivateKey::read(path, PURPOSE)?.map(Self))
    }

    /// What checks its signatures.
    pub fn public(&self) -> CatalogPublicKey {
        CatalogPublicKey(self.0.public())
    }
}

impl CatalogSignature {
    /// Signs a catalog's text under a name; without a version, the time is one, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// `InvalidConfig` for a text that is no catalog, `InvalidInput` for a name that is none.
    pub fn sign(key: &CatalogKey, name: &str, text: &str, version: Option<u64>) -> Result<Self> {
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is not a catalog's name", name.escape_debug()),
            ));
        }
        let now = clock::now_millis();
        let mut signed = Self {
            form: FORM.to_owned(),
            name: name.to_owned(),
            version: version.unwrap_or_else(|| u64::try_from(now).unwrap_or_default()),
            time: clock::rfc3339(now),
            catalog: digest(text)?,
            key: key.public().to_string(),
            signature: String::new(),
        };
        signed.signature = key.0.sign(&signed.message());
        Ok(signed)
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// `InvalidConfig` when it is no signature.
    pub fn parse(text: &str) -> Result<Self> {
        let read: Option<Self> = (text.len() <= MAX_SIGNATURE).then(|| serde_json::from_str(text).ok()).flatten();
        // A line's end in a part would let one statement be read as another.
        let is_lines =
            |read: &Self| [&read.name, &read.time, &read.catalog].iter().all(|text| !text.contains(char::is_control));
        read.filter(|read| read.form == FORM && is_lines(read)).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "what stands beside the catalog is no signature of one")
                .with_hint("sign it with `mcp-gateway catalog sign`")
        })
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// `Internal` when that fails.
    pub fn to_text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        let text =
            text.map_err(|cause| Error::new(ErrorKind::Internal, "a signature makes no JSON").with_source(cause));
        Ok(text? + "\n")
    }

    /// Whether it is of this catalog, by this key.
    ///
    /// # Errors
    /// `Denied` with the reason when it is not; `InvalidConfig` for a text that is no catalog.
    pub fn verify(&self, text: &str, key: &CatalogPublicKey) -> Result<()> {
        let denied = |why: &str| {
            Error::new(ErrorKind::Denied, why.to_owned())
                .with_context("key", key)
                .with_hint("ask who publishes the catalog; nothing was taken over")
        };
        if self.key != key.to_string() {
            return Err(denied("the catalog is signed by another key").with_context("signed by", &self.key));
        }
        if !key.0.has_signed(&self.message(), &self.signature) {
            return Err(denied("the signature of the catalog is not its key's"));
        }
        if self.catalog != digest(text)? {
            return Err(denied("the signature is of another catalog than the one that is there"));
        }
        Ok(())
    }

    /// What is signed: every part on a line of its own, none of which can hold a line's end.
    fn message(&self) -> Vec<u8> {
        let Self { name, version, time, catalog, .. } = self;
        format!("{FORM}\n{name}\n{version}\n{time}\n{catalog}\n").into_bytes()
    }
}

/// The digest of what a catalog's text says: of its JSON without spaces and with sorted keys.
fn digest(text: &str) -> Result<String> {
    let node = Node::parse("catalog.yaml", text).map_err(Diagnostic::into_error)?;
    let mut value = node.to_json();
    value.sort_all_objects();
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(value.to_string()))))
}

impl fmt::Debug for CatalogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogKey({})", self.public())
    }
}

impl fmt::Display for CatalogPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for CatalogPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for CatalogPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        PublicKey::parse(text).map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "not the public key of a catalog's signer")
                .with_hint("write it as `mcp-gateway catalog key` prints it: `ed25519:` and 44 characters")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "registry:\n  time: {type: server, image: mcp/time}\n  a: {image: mcp/a, type: server}\n";

    #[test]
    fn a_signature_is_of_what_a_catalog_says() {
        let folder = tempfile::tempdir().unwrap();
        let key = CatalogKey::open(&folder.path().join("catalog.key")).unwrap();
        let signed = CatalogSignature::sign(&key, "team", TEXT, Some(7)).unwrap();
        let read = CatalogSignature::parse(&signed.to_text().unwrap()).unwrap();
        assert_eq!((read.version, &read), (7, &signed));
        let same = r#"{"registry": {"a": {"type": "server", "image": "mcp/a"}, "time": {"image": "mcp/time", "type": "server"}}}"#;
        for text in [TEXT, same, &format!("# a comment\n{TEXT}")] {
            read.verify(text, &key.public()).unwrap();
        }
        for text in [TEXT.replace("mcp/a", "mcp/b"), "registry: {}".to_owned()] {
            assert_eq!(read.verify(&text, &key.public()).unwrap_err().kind(), ErrorKind::Denied, "{text}");
        }
    }

    #[test]
    fn what_was_changed_or_is_anothers_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = CatalogKey::open(&folder.path().join("catalog.key")).unwrap();
        let other = CatalogKey::open(&folder.path().join("other.key")).unwrap();
        let signed = CatalogSignature::sign(&key, "team", TEXT, None).unwrap();
        let report = signed.verify(TEXT, &other.public()).unwrap_err().report();
        assert!(report.contains("another key"), "{report}");
        for change in [
            |signed: &mut CatalogSignature| signed.version += 1,
            |signed: &mut CatalogSignature| signed.name = "other".to_owned(),
            |signed: &mut CatalogSignature| signed.time = "2030-01-01T00:00:00Z".to_owned(),
            |signed: &mut CatalogSignature| signed.signature.push('='),
        ] {
            let mut changed = signed.clone();
            change(&mut changed);
            assert_eq!(changed.verify(TEXT, &key.public()).unwrap_err().kind(), ErrorKind::Denied, "{changed:?}");
        }
        let text = signed.to_text().unwrap();
        for broken in ["", "{}", &text.replace("signature 1", "signature 2"), &" ".repeat(MAX_SIGNATURE + 1)] {
            assert_eq!(CatalogSignature::parse(broken).unwrap_err().kind(), ErrorKind::InvalidConfig);
        }
        assert!(CatalogSignature::sign(&key, "a\nb", TEXT, None).is_err());
        assert!("rsa:AAAA".parse::<CatalogPublicKey>().is_err());
        assert_eq!(key.public().to_string().parse::<CatalogPublicKey>().unwrap(), key.public());
    }
}
