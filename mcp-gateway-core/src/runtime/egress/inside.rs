//! How the way to the hosts looks where the server runs.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::door::PROXY;
use super::hosts::HostList;

/// Where the proxy is.
const PROXY_PLACE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3128);

/// Addresses that are never asked of the proxy.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// Where is listened, and the first line of what connects there.
pub(crate) fn places(hosts: &HostList) -> Vec<(SocketAddrV4, String)> {
    let named =
        hosts.places().map(|(address, port, host)| (SocketAddrV4::new(address, port), format!("{host}:{port}")));
    named.chain([(PROXY_PLACE, PROXY.to_owned())]).collect()
}

/// The variables that tell programs of the proxy.
pub(crate) fn environment(hosts: &HostList) -> Vec<(&'static str, String)> {
    let proxy = format!("http://{PROXY_PLACE}");
    let mut all = Vec::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        all.push((name, proxy.clone()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        all.push((name, DIRECT.to_owned()));
    }
    if hosts.needs_proxy() {
        // Node.js takes no notice of the others without it.
        all.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    }
    all
}

/// The lines of a hosts file, `address name`.
#[cfg(feature = "runtime-process")]
pub(crate) fn hosts_file(hosts: &HostList) -> String {
    let mut lines = vec!["127.0.0.1 localhost\n::1 localhost\n".to_owned()];
    lines.extend(hosts.places().map(|(address, _, host)| format!("{address} {host}\n")));
    lines.dedup();
    lines.concat()
}
