//! Certificates for the hosts of one server, which trusts who signs them, and nobody else does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::super::hosts::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::util::{clock, random, tls};

/// How long certificates hold: longer than a server runs, shorter than any client minds.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);
/// How far clocks may be apart.
const SKEW: Duration = Duration::from_secs(24 * 3600);
/// For how many hosts certificates are kept; only a wildcard stands for more.
const MAX_HOSTS: usize = 64;
/// The digits of a line of PEM.
const LINE: usize = 64;

/// Signs certificates for hosts. Its key is in memory only and goes with the server.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    hosts: Mutex<HashMap<Host, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    pub(super) fn new() -> Result<Self> {
        let key = KeyPair::generate().map_err(broken)?;
        let mut params = params(Vec::new())?;
        // A name of its own: a client that trusts another authority of this name would call the signature broken.
        let name = format!("MCP Gateway, for one server ({})", random::hex(8)?);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(broken)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate, hosts: Mutex::default() })
    }

    /// Whom the server trusts, in PEM: this authority, and for its other hosts whom this machine trusts.
    pub(super) fn bundle(&self) -> String {
        let mut bundle = self.certificate.clone();
        for root in rustls_native_certs::load_native_certs().certs {
            let digits = STANDARD.encode(&root);
            bundle.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in digits.as_bytes().chunks(LINE) {
                bundle.extend(line.iter().copied().map(char::from));
                bundle.push('\n');
            }
            bundle.push_str("-----END CERTIFICATE-----\n");
        }
        bundle
    }

    /// How the door answers as this host.
    pub(super) fn host(&self, host: &Host) -> Result<Arc<ServerConfig>> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get(host) {
            return Ok(Arc::clone(known));
        }
        let config = Arc::new(self.config(host)?);
        if hosts.len() >= MAX_HOSTS {
            hosts.clear();
        }
        hosts.insert(host.clone(), Arc::clone(&config));
        Ok(config)
    }

    fn config(&self, host: &Host) -> Result<ServerConfig> {
        // An address is written without brackets here.
        let name = host.to_string();
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let key = KeyPair::generate().map_err(broken)?;
        let mut params = params(vec![name])?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(broken)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(broken)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(broken)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn params(names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(broken)?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock::now_millis()).unwrap_or_default());
    (params.not_before, params.not_after) = ((now - SKEW).into(), (now + VALIDITY).into());
    Ok(params)
}

fn broken(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "no certificate can be made for the hosts of a server").with_source(cause)
}
