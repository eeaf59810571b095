//! Signatures of Standard Webhooks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::mac::mac;

/// How far clocks may differ, in seconds.
const TOLERANCE: i64 = 5 * 60;
/// How many signatures a header may have: one for each key while keys are changed.
const MAX_SIGNATURES: usize = 8;

pub(super) struct Signer(Zeroizing<Vec<u8>>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(super) fn new(secret: &SecretValue) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::InvalidConfig, "the secret of the webhook is none of Standard Webhooks")
                .with_hint("make one: `whsec_` and 32 random bytes as Base64, such as by `openssl rand -base64 32`")
        };
        let text = secret.expose().strip_prefix("whsec_").ok_or_else(wrong)?;
        let key = Zeroizing::new(STANDARD.decode(text).map_err(|_| wrong())?);
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(wrong()) }
    }

    pub(super) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.mac(id, timestamp, body).finalize().into_bytes()))
    }

    /// Whether one of the signatures is this key's, over this, and of `now`, in seconds of the Unix epoch.
    pub(super) fn verifies(&self, id: &str, timestamp: &str, body: &[u8], signatures: &str, now: i64) -> bool {
        let is_current = timestamp.parse::<i64>().is_ok_and(|time| time.abs_diff(now) <= TOLERANCE.unsigned_abs());
        is_current
            && signatures.split(' ').take(MAX_SIGNATURES).any(|signature| {
                let signature = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
                signature.is_some_and(|bytes| self.mac(id, timestamp, body).verify_slice(&bytes).is_ok())
            })
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        mac(&self.0, [format!("{id}.{timestamp}.").as_bytes(), body])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_there() {
        let secret = SecretValue::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signer = Signer::new(&secret).unwrap();
        let (id, time, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signer.sign(id, time, body), signature);
        assert!(signer.verifies(id, time, body, &format!("v1,AAAA v2,x {signature}"), 1_614_265_330));
        assert!(!signer.verifies(id, time, body, signature, 1_614_265_330 + 301));
        assert!(!signer.verifies(id, time, br#"{"test": 1}"#, signature, 1_614_265_330));
        assert!(!signer.verifies("msg_other", time, body, signature, 1_614_265_330));
        assert!(!signer.verifies(id, time, body, "", 1_614_265_330));
    }

    #[test]
    fn a_weak_secret_is_refused() {
        for wrong in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            assert_eq!(Signer::new(&SecretValue::new(wrong)).unwrap_err().kind(), ErrorKind::InvalidConfig, "{wrong}");
        }
    }
}
