//! How connections are made: names are resolved under the address rule, TLS is checked against the platform's roots.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::AddressRule;
use crate::error::{Error, ErrorKind, Result};

/// How long resolving, connecting and the TLS handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long without traffic a peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How many addresses of one name are tried.
const MAX_ADDRESSES: usize = 16;

/// Builds a client whose every connection is made under `rule`.
///
/// Proxies of the environment are not used: a proxy resolves names by itself, behind the back of the rule.
///
/// # Errors
/// `Internal` when the TLS settings contradict each other.
pub(super) fn client(rule: AddressRule) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config()?)
        .dns_resolver(Arc::new(RuledResolver(rule)))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE / 3)
        .tcp_keepalive_retries(3)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("mcp-gateway/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|cause| internal("cannot build the HTTP client", cause))
}

/// Settings of every TLS connection; the platform's certificates are read once per process.
fn tls_config() -> Result<ClientConfig> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let provider = crate::util::tls::provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|cause| internal("TLS has no usable version", cause))?;
    let mut config = match Verifier::new(provider) {
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

/// Resolves names and keeps the addresses that may be dialled, so that no name can change its meaning after a check.
#[derive(Debug)]
struct RuledResolver(AddressRule);

impl Resolve for RuledResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.0;
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?.take(MAX_ADDRESSES).map(|address| address.ip());
            let allowed = rule.filter(host, found.collect())?;
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn internal(message: &'static str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, message).with_operation("HttpClient::new").with_source(cause)
}
