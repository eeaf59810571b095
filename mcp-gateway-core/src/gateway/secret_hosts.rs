//! Which hosts a secret is for that its server does not have.

use super::hub::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{NetworkRule, SecretEntry};

/// The hosts that a secret with `delivery: header` is for: the profile's word, else the catalog's, else the one host that the
/// server may reach.
///
/// # Errors
/// `InvalidConfig` where the server has no list of hosts, or one of several and nothing says for which of them the secret is.
pub(crate) fn secret_hosts(body: &Body, secret: &SecretEntry) -> Result<Vec<String>> {
    let NetworkRule::Listed(listed) = &body.settings.network else {
        return Err(Error::new(ErrorKind::InvalidConfig, "a secret in headers needs a server with a list of hosts")
            .with_context("server", &body.entry.name)
            .with_context("secret", &secret.name)
            .with_hint("list its hosts with `network` of the server in the profile, or `allowHosts` in the catalog")
            .with_hint("`delivery: file` gives the server the secret itself"));
    };
    let own = &body.spec.secret_hosts;
    if let Some(hosts) = own.get(&secret.env).or_else(|| own.get(&secret.name)) {
        return Ok(hosts.clone());
    }
    match (&secret.hosts[..], &listed[..]) {
        ([], [alone]) if !alone.contains('*') => Ok(vec![alone.clone()]),
        ([], _) => Err(Error::new(ErrorKind::InvalidConfig, "nothing says which hosts a secret in headers is for")
            .with_context("server", &body.entry.name)
            .with_context("secret", &secret.name)
            .with_hint(format!("write `secretHosts: {{{}: [\"api.example.com:443\"]}}` for the server", secret.env))),
        (hosts, _) => Ok(hosts.to_vec()),
    }
}
