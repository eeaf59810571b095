//! Keys that sign, by Ed25519: private ones in files, public ones as texts.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, FileLock};

/// How a public key begins where it is written.
const PREFIX: &str = "ed25519:";
/// What stands before the seed in a PKCS #8 file, as `openssl genpkey -algorithm ed25519` writes it.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The largest key file: a few lines.
const MAX_KEY_FILE: u64 = 16 * 1024;

/// A private key and its public one.
pub(crate) struct PrivateKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// Checks what a [`PrivateKey`] has signed; written as `ed25519:` and Base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PublicKey([u8; 32]);

impl PrivateKey {
    /// The key of a file; a new one where there is none, readable by its owner only. `purpose` is what it signs.
    ///
    /// # Errors
    /// `InvalidConfig` when the file holds no key, `Io`.
    pub(crate) fn open(path: &Path, purpose: &str) -> Result<Self> {
        let _held = FileLock::acquire(path)?;
        if let Some(key) = Self::read(path, purpose)? {
            return Ok(key);
        }
        let mut seed = Zeroizing::new([0_u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|cause| {
            Error::new(ErrorKind::Internal, format!("the operating system gives no randomness: {cause}"))
        })?;
        let key = Self::of_seed(&*seed, path)?;
        let der = Zeroizing::new([&PKCS8[..], &seed[..]].concat());
        let body = Zeroizing::new(STANDARD.encode(&*der));
        let text = Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", &*body));
        fs::write_atomic(path, text.as_bytes())?;
        tracing::info!(file = %path.display(), key = %key.public, "made the key that signs {purpose}");
        Ok(key)
    }

    /// The key of a file, or `None` where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn read(path: &Path, purpose: &str) -> Result<Option<Self>> {
        let Some(bytes) = fs::read_bytes(path, MAX_KEY_FILE)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        if fs::is_open_to_others(path) {
            tracing::warn!(
                file = %path.display(),
                "the key that signs {purpose} can be read by others; run `chmod 600` on it"
            );
        }
        let damaged = || {
            Error::new(ErrorKind::InvalidConfig, "the file holds no Ed25519 private key")
                .with_context("file", path.display())
                .with_hint("restore it from a backup, or move it away to have a new key made")
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let body = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).ok_or_else(damaged)?.0;
        let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(&*body).map_err(|_| damaged())?);
        let seed = der.strip_prefix(&PKCS8).filter(|seed| seed.len() == 32).ok_or_else(damaged)?;
        Self::of_seed(seed, path).map(Some)
    }

    fn of_seed(seed: &[u8], path: &Path) -> Result<Self> {
        let rejected =
            |_| Error::new(ErrorKind::InvalidConfig, "the key is refused").with_context("file", path.display());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(rejected)?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// What checks its signatures.
    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    /// The signature of a message, in Base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(message).as_ref())
    }
}

impl PublicKey {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        <[u8; 32]>::try_from(bytes).ok().map(Self)
    }

    /// Whether the signature, in Base64, is this key's and of this message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        // Base64 has spellings that read as the same bytes; only the one that was written counts.
        STANDARD.decode(signature).is_ok_and(|bytes| {
            STANDARD.encode(&bytes) == signature
                && UnparsedPublicKey::new(&ED25519, self.0).verify(message, &bytes).is_ok()
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}
