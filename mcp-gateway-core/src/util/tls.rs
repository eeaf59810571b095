//! The one choice of cryptography for TLS, made in one place so that no two providers meet in a process.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The provider that every TLS connection of the gateway uses; the process default is neither read nor set.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
