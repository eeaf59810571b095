//! The one choice of cryptography for TLS, made in one place so that no two providers meet in a process.

use std::sync::Arc;
#[cfg(feature = "__http-client")]
use std::sync::OnceLock;

use rustls::crypto::CryptoProvider;
#[cfg(feature = "__http-client")]
use rustls::{ClientConfig, RootCertStore};

#[cfg(feature = "__http-client")]
use crate::error::{Error, ErrorKind, Result};

/// The provider that every TLS connection of the gateway uses; the process default is neither read nor set.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Settings of every TLS connection to a host of the web; the platform's certificates are read once per process.
///
/// # Errors
/// `Internal` when the settings contradict each other.
#[cfg(feature = "__http-client")]
pub(crate) fn client_config() -> Result<ClientConfig> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Internal, "TLS has no usable version").with_source(cause))?;
    let mut config = match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(cause) => {
            // A machine without root certificates still reaches containers by plain HTTP; TLS then trusts nobody.
            tracing::warn!(%cause, "no root certificates found, no TLS server will be trusted");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(CONFIG.get_or_init(|| config).clone())
}
