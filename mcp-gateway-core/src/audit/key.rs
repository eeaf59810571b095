//! The key that signs checkpoints.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::util::ed25519::{PrivateKey, PublicKey};

/// What the key signs, where something is said of it.
const PURPOSE: &str = "audit checkpoints";

/// Signs checkpoints of audit trails, by Ed25519.
pub struct AuditKey(PrivateKey);

/// Checks what an [`AuditKey`] has signed; written as `ed25519:` and Base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditPublicKey(PublicKey);

impl AuditKey {
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
    pub fn public(&self) -> AuditPublicKey {
        AuditPublicKey(self.0.public())
    }

    /// The signature of a message, in Base64.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        self.0.sign(message)
    }
}

impl AuditPublicKey {
    /// Whether the signature, in Base64, is this key's and of this message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        self.0.has_signed(message, signature)
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.public())
    }
}

impl PartialEq for AuditKey {
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl Eq for AuditKey {}

impl fmt::Display for AuditPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for AuditPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AuditPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        PublicKey::parse(text).map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "not the public key of an audit trail")
                .with_hint("write it as `mcp-gateway audit key` prints it: `ed25519:` and 44 characters")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::fs;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/audit.key");
        assert_eq!(AuditKey::read(&path).unwrap(), None);
        let key = AuditKey::open(&path).unwrap();
        assert!(!fs::is_open_to_others(&path));
        assert_eq!(AuditKey::open(&path).unwrap(), key);
        let public: AuditPublicKey = key.public().to_string().parse().unwrap();
        let signature = key.sign(b"message");
        assert!(public.has_signed(b"message", &signature));
        assert!(!public.has_signed(b"massage", &signature));
        let other = AuditKey::open(&folder.path().join("other.key")).unwrap();
        assert!(!other.public().has_signed(b"message", &signature));
        assert!(!format!("{key:?}").contains(&fs::read_to_string(&path).unwrap()[30..60]));
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.key");
        for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            fs::write_atomic(&path, text.as_bytes()).unwrap();
            assert_eq!(AuditKey::open(&path).unwrap_err().kind(), ErrorKind::InvalidConfig, "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        for text in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA"] {
            assert!(text.parse::<AuditPublicKey>().is_err(), "{text}");
        }
    }
}
