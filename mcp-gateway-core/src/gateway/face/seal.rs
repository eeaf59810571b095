//! The state that a client sends back with its answers: a name for a waiting call that only the gateway can make.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind, Result};
use crate::util::mac::mac;

/// What the state begins with, so that it can be told from a server's own.
const PREFIX: &str = "mcp-gateway.1.";
const HANDLE: usize = 16;
const EXPIRY: usize = 8;
const MAC: usize = 32;

/// Names one waiting call.
pub(super) type Handle = [u8; HANDLE];

/// Makes and opens states; its key lives and dies with the client's session.
pub(super) struct Seal {
    key: zeroize::Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

/// What a state turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// The gateway made it, and its time is not up.
    Handle(Handle),
    /// It looks like one of the gateway's and is none, or its time is up.
    Invalid,
    /// A server made it.
    Foreign,
}

impl Seal {
    pub(super) fn new() -> Result<Self> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        fill(key.as_mut_slice())?;
        Ok(Self { key })
    }

    /// A finding has to come about again, so its key is part of it.
    #[cfg(fuzzing)]
    pub(super) fn with_key(key: [u8; 32]) -> Self {
        Self { key: zeroize::Zeroizing::new(key) }
    }

    /// A name that was never given before.
    pub(super) fn handle() -> Result<Handle> {
        let mut handle = [0; HANDLE];
        fill(&mut handle)?;
        Ok(handle)
    }

    /// The state for a waiting call, good until `expires`, in milliseconds since the Unix epoch.
    pub(super) fn close(&self, handle: &Handle, expires: u64) -> String {
        let mut bytes = Vec::with_capacity(HANDLE + EXPIRY + MAC);
        bytes.extend_from_slice(handle);
        bytes.extend_from_slice(&expires.to_be_bytes());
        let mac = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Finds out what a state is.
    pub(super) fn open(&self, state: &str, now: u64) -> Opened {
        let Some(sealed) = state.strip_prefix(PREFIX) else { return Opened::Foreign };
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(sealed) else { return Opened::Invalid };
        if bytes.len() != HANDLE + EXPIRY + MAC {
            return Opened::Invalid;
        }
        let (named, mac) = bytes.split_at(HANDLE + EXPIRY);
        if self.mac(named).verify_slice(mac).is_err() {
            return Opened::Invalid;
        }
        let (handle, expires) = named.split_at(HANDLE);
        match (handle.try_into(), expires.try_into().map(u64::from_be_bytes)) {
            (Ok(handle), Ok(expires)) if now < expires => Opened::Handle(handle),
            _ => Opened::Invalid,
        }
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        mac(self.key.as_slice(), [bytes])
    }
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|cause| Error::new(ErrorKind::Internal, format!("the operating system gives no randomness: {cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_is_opened_and_only_in_time() {
        let (seal, other) = (Seal::new().unwrap(), Seal::new().unwrap());
        let handle = Seal::handle().unwrap();
        let state = seal.close(&handle, 1_000);
        assert_eq!(seal.open(&state, 999), Opened::Handle(handle));
        assert_eq!(seal.open(&state, 1_000), Opened::Invalid);
        assert_eq!(other.open(&state, 999), Opened::Invalid);
        assert_eq!(seal.open(&format!("{state}-TAMPERED"), 999), Opened::Invalid);
        for at in PREFIX.len()..state.len() {
            let mut bytes = state.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open(&String::from_utf8(bytes).unwrap(), 999), Opened::Invalid, "{at}");
        }
        assert_eq!(seal.open("a server's own", 0), Opened::Foreign);
    }
}
