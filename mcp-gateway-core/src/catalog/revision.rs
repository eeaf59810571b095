//! Numbers for what catalogs have at a time.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that nothing else in this process has.
pub(super) fn next() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// One number for several catalogs, in their order.
pub(super) fn of_all(revisions: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    revisions.hash(&mut hasher);
    hasher.finish()
}
