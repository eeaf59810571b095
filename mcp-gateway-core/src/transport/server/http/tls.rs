//! TLS from files.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::TlsFiles;
use crate::error::{Error, ErrorKind, Result};
use crate::util::{fs, tls};

/// Reads a certificate chain and its key.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let wrong = |what: &'static str, path: &std::path::Path| {
        Error::new(ErrorKind::InvalidConfig, what).with_context("file", path.display())
    };
    let certificate = fs::read_to_string(&files.certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|cause| wrong("certificate is not PEM", &files.certificate).with_source(cause))?;
    if chain.is_empty() {
        return Err(wrong("file holds no certificate", &files.certificate));
    }
    let key = zeroize::Zeroizing::new(fs::read_to_string(&files.key)?);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| wrong("file holds no private key in PEM", &files.key))?;
    let config = ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|cause| wrong("certificate and key cannot be used", &files.certificate).with_source(cause))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
