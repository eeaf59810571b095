//! What ties an answer to its question: a verifier and its challenge, and a state.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::model::SecretValue;
use crate::util::random;

/// A verifier of RFC 7636, and its challenge by S256.
#[derive(Clone, Debug)]
pub(super) struct Pkce {
    pub(super) verifier: SecretValue,
    pub(super) challenge: String,
}

impl Pkce {
    /// A new one.
    pub(super) fn new() -> Result<Self> {
        Ok(Self::of(random::hex(32)?))
    }

    fn of(verifier: String) -> Self {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        Self { verifier: SecretValue::new(verifier), challenge }
    }
}

/// A state that nobody can guess.
pub(super) fn state() -> Result<String> {
    random::hex(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let pkce = Pkce::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(pkce.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_is_long_enough_and_new() {
        let (one, other) = (Pkce::new().unwrap(), Pkce::new().unwrap());
        assert!(one.verifier.expose().len() >= 43);
        assert_ne!(one.verifier, other.verifier);
    }
}
