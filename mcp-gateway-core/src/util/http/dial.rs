//! How connections are made: names are resolved under the address rule, TLS is checked against the platform's roots.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::AddressRule;
use crate::error::{Error, ErrorKind, Result};
use crate::util::tls;

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
        .tls_backend_preconfigured(tls::client_config()?)
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
