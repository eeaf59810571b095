//! Landlock rules.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};

use super::{Rules, system_paths};
use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;

/// The rules of one child, ready to be put on it.
pub(super) fn ruleset(abi: ABI, ports: bool, scopes: bool, rules: &Rules<'_>) -> Result<RulesetCreated> {
    build(abi, ports, scopes, rules).map_err(|cause| {
        Error::new(ErrorKind::Internal, "the sandbox's file rules could not be made").with_source(cause)
    })
}

fn build(abi: ABI, ports: bool, scopes: bool, rules: &Rules<'_>) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset = ruleset.handle_access(AccessFs::from_all(abi))?;
    if ports && *rules.network != NetworkRule::Open {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?;
    }
    if scopes {
        ruleset = ruleset.scope(Scope::from_all(ABI::V6))?;
    }
    let read = AccessFs::from_read(abi);
    // Paths that are not there are passed over: distributions differ.
    let mut created = ruleset
        .create()?
        .add_rules(path_beneath_rules(system_paths(rules.network), read))?
        .add_rules(path_beneath_rules(rules.read, read))?
        .add_rules(path_beneath_rules(rules.write, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules([rules.own], AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_all(abi)))?;
    if let (true, NetworkRule::Listed(hosts)) = (ports, rules.network) {
        for port in hosts.iter().filter_map(|host| port(host)) {
            created = created.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
    }
    Ok(created)
}

/// The port of `host:port`; a host without one means HTTPS.
fn port(host: &str) -> Option<u16> {
    match host.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => Some(443),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_hosts() {
        assert_eq!(port("api.example:8443"), Some(8443));
        assert_eq!(port("api.example"), Some(443));
        assert_eq!(port("api.example:x"), None);
    }
}
