//! Unguessable identifiers.

use crate::error::{Error, ErrorKind, Result};

/// `bytes` random bytes of the operating system, in lower-case hex.
///
/// # Errors
/// `Internal` when the operating system has no randomness to give.
pub fn hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0_u8; bytes];
    getrandom::fill(&mut buffer).map_err(|cause| {
        Error::new(ErrorKind::Internal, format!("the operating system gives no randomness: {cause}"))
    })?;
    Ok(hex::encode(buffer))
}
