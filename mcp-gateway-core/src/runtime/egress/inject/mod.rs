//! Secrets that a server uses without having them: put into the headers of its requests on the way to their hosts.
//!
//! The server has stand-ins. Its TLS connections to the hosts that a secret is for end at the door, with a certificate that
//! this server alone trusts; what is sent there in HTTP goes on, in a TLS connection of the door's own, with the secrets in
//! the place of their stand-ins. Other connections are carried as they are.

mod authority;
mod serve;
mod stand_in;
#[cfg(test)]
mod tests;
mod veil;

use std::sync::Arc;

use tokio_rustls::TlsConnector;

use super::hosts::{Host, HostList, Listing};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{NetworkRule, SecretValue};
use crate::runtime::{HeaderSecret, LaunchPlan, SecretFile};
use crate::util::tls;
use authority::Authority;
use stand_in::StandIn;

/// The file with the certificates that a server trusts; OpenSSL and Go look for it in `SSL_CERT_FILE`.
const FILE: &str = "SSL_CERT";

/// The variables by which other libraries and programs look for it.
const ALIASES: [&str; 9] = [
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
];

/// The secrets of one server that are put into headers.
pub(crate) struct Injection {
    secrets: Vec<Bound>,
    authority: Authority,
    connector: TlsConnector,
}

impl std::fmt::Debug for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Injection").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// A secret with its hosts.
#[derive(Debug)]
struct Bound {
    hosts: HostList,
    stand_in: StandIn,
    value: SecretValue,
}

impl Injection {
    /// What a plan needs for its secrets in headers, if it has any; the file that its server needs is put into the plan.
    ///
    /// # Errors
    /// `InvalidConfig` for a secret that is for hosts which the server may not reach, `Internal` where no certificate can be made.
    pub(crate) fn enter(plan: &mut LaunchPlan) -> Result<Option<Arc<Self>>> {
        if plan.headers.is_empty() {
            return Ok(None);
        }
        let NetworkRule::Listed(listed) = &plan.network else {
            return Err(Error::new(
                ErrorKind::InvalidConfig,
                "a secret in headers needs a server with a list of hosts",
            )
            .with_hint("list the hosts that it may reach with `network` of the server in the profile"));
        };
        let listed = HostList::parse(listed)?;
        let secrets = plan.headers.iter().map(|secret| Bound::new(secret, &listed)).collect::<Result<Vec<_>>>()?;
        let connector = TlsConnector::from(Arc::new(tls::client_config()?));
        let injection = Self { secrets, authority: Authority::new()?, connector };
        let mut file = SecretFile::new(FILE, SecretValue::new(injection.authority.bundle()));
        file.aliases = ALIASES.map(str::to_owned).to_vec();
        // Where another file of certificates was named, no connection to the door would be trusted.
        plan.env.retain(|(name, _)| *name != file.path_variable() && !file.aliases.contains(name));
        plan.files.retain(|other| other.variable != FILE);
        plan.files.push(file);
        Ok(Some(Arc::new(injection)))
    }

    /// Whether some secret is for this host.
    pub(super) fn is_for(&self, host: &Host, port: u16) -> bool {
        self.of(host, port).next().is_some()
    }

    /// The secrets for a host.
    fn of(&self, host: &Host, port: u16) -> impl Iterator<Item = &Bound> {
        self.secrets.iter().filter(move |secret| secret.hosts.find(host, port) == Listing::Listed)
    }
}

impl Bound {
    fn new(secret: &HeaderSecret, listed: &HostList) -> Result<Self> {
        let hosts = HostList::parse(&secret.hosts)?;
        if let Some(stranger) = secret.hosts.iter().find(|host| !listed.covers(host)) {
            let message = format!("a secret is for `{}`, which the server may not reach", stranger.escape_debug());
            return Err(Error::new(ErrorKind::InvalidConfig, message).with_hint(
                "`secretHosts` in the profile, or `hosts` in the catalog, name hosts of the server's list",
            ));
        }
        Ok(Self { hosts, stand_in: StandIn::new(&secret.stand_in), value: secret.value.clone() })
    }
}
