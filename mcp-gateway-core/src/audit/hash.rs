//! Hashes of what a record does not hold.

use sha2::{Digest as _, Sha256};

/// `sha256:` and the SHA-256 of the bytes in hex, as records name arguments and results; the bytes are not copied.
///
/// # Examples
/// ```
/// use mcp_gateway_core::audit::payload_hash;
///
/// assert!(payload_hash(b"{}").starts_with("sha256:44136fa3"));
/// ```
pub fn payload_hash(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
