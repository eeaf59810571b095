//! Bearer tokens.

use crate::error::Result;
use crate::model::SecretValue;
use crate::util::random;

/// A fresh token of 256 bits, in hex.
///
/// # Errors
/// `Internal` when the operating system has no randomness to give.
pub fn generate_token() -> Result<SecretValue> {
    random::hex(32).map(SecretValue::new)
}
