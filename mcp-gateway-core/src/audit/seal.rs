//! Payloads that only the holder of a key can read.

use std::fmt;
use std::path::Path;
use std::str::FromStr as _;

use age::x25519;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

/// The largest payload that is sealed; of a larger one, only its hash is kept.
const MAX_PAYLOAD: usize = 512 * 1024;
/// The largest key file: a few lines.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Seals payloads to a recipient of age, `age1…`; whoever has the recipient's key can open them, and the gateway cannot.
#[derive(Clone)]
pub struct PayloadSeal(x25519::Recipient);

impl fmt::Debug for PayloadSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadSeal({})", self.0)
    }
}

impl PayloadSeal {
    /// Seals to this recipient.
    ///
    /// # Errors
    /// `InvalidConfig` when it is none.
    pub fn new(recipient: &str) -> Result<Self> {
        x25519::Recipient::from_str(recipient).map(Self).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, format!("`{recipient}` is not a recipient of age: {cause}"))
                .with_hint("write the public key that `age-keygen` prints, `age1…`")
        })
    }

    /// Seals JSON texts, each under its name; the result is an age file in Base64, or says that it was left out.
    ///
    /// # Errors
    /// `Internal` when it cannot be encrypted.
    pub(crate) fn seal(&self, parts: &[(&str, Option<&str>)]) -> Result<String> {
        let parts = || parts.iter().filter_map(|(name, text)| Some((*name, (*text)?)));
        let bytes: usize = parts().map(|(name, text)| name.len() + text.len() + 8).sum();
        if bytes > MAX_PAYLOAD {
            return Ok(format!("left out: {bytes} bytes"));
        }
        let mut payload = Zeroizing::new(String::with_capacity(bytes + 2));
        payload.push('{');
        for (number, (name, text)) in parts().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            payload.push_str(&format!("{comma}\"{name}\":"));
            payload.push_str(text);
        }
        payload.push('}');
        let sealed = age::encrypt(&self.0, payload.as_bytes()).map_err(|cause| {
            Error::new(ErrorKind::Internal, "an audit payload could not be sealed").with_source(cause)
        })?;
        Ok(STANDARD.encode(sealed))
    }
}

/// Opens the `sealed` payload of a record with the keys of a file, as `age-keygen` writes it: JSON with `arguments` and
/// `result`.
///
/// # Errors
/// `InvalidInput` when it is not sealed, `Unauthorized` when no key of the file opens it, `NotFound` or `InvalidConfig` for
/// the file.
pub fn open_sealed(sealed: &str, identity: &Path) -> Result<String> {
    let text = fs::read_bytes(identity, MAX_KEY_FILE)?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "there is no such key file").with_context("file", identity.display())
    })?;
    let text = Zeroizing::new(text);
    let keys: Vec<x25519::Identity> = String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| x25519::Identity::from_str(line.trim()).ok())
        .collect();
    if keys.is_empty() {
        return Err(Error::new(ErrorKind::InvalidConfig, "the key file holds no `AGE-SECRET-KEY-1…` line")
            .with_context("file", identity.display()));
    }
    let not_sealed = || {
        Error::new(ErrorKind::InvalidInput, "not a sealed payload")
            .with_hint("records have one where the profile says `audit: {seal: age1…}`; large ones are left out")
    };
    let bytes = STANDARD.decode(sealed).map_err(|_| not_sealed())?;
    let opened = keys.iter().find_map(|key| age::decrypt(key, &bytes).ok());
    let opened = opened.ok_or_else(|| {
        Error::new(ErrorKind::Unauthorized, "no key of the file opens this payload")
            .with_context("file", identity.display())
            .with_hint("name the key file of the recipient that the profile named then")
    })?;
    String::from_utf8(opened).map_err(|_| not_sealed())
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn only_the_key_of_the_recipient_opens_a_payload() {
        let folder = tempfile::tempdir().unwrap();
        let [own, other] = ["own", "other"].map(|name| {
            let key = x25519::Identity::generate();
            let path = folder.path().join(name);
            fs::write_atomic(&path, format!("# a key\n{}\n", key.to_string().expose_secret()).as_bytes()).unwrap();
            (path, key.to_public().to_string())
        });
        let seal = PayloadSeal::new(&own.1).unwrap();
        let sealed = seal.seal(&[("arguments", Some(r#"{"a":1}"#)), ("result", None), ("x", Some("[]"))]).unwrap();
        assert!(!sealed.contains("arguments"));
        assert_eq!(open_sealed(&sealed, &own.0).unwrap(), r#"{"arguments":{"a":1},"x":[]}"#);
        assert_eq!(open_sealed(&sealed, &other.0).unwrap_err().kind(), ErrorKind::Unauthorized);
        assert_eq!(open_sealed("left out: 9 bytes", &own.0).unwrap_err().kind(), ErrorKind::InvalidInput);
        let large = "1".repeat(MAX_PAYLOAD);
        assert!(seal.seal(&[("result", Some(&large))]).unwrap().starts_with("left out"));
        assert_eq!(PayloadSeal::new("age1x").unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
