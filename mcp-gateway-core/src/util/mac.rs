//! Codes that only the holder of a key can make.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 under a key, of all parts one after the other; of what has several, each must say where it ends.
pub(crate) fn mac<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    for part in parts {
        mac.update(part);
    }
    mac
}
