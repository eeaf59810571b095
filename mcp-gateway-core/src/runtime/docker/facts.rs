//! What an engine enforces, said plainly.

use super::answer::Facts;
#[cfg(target_os = "linux")]
use super::endpoint::Endpoint;
use crate::runtime::RuntimeCapability;

/// What the runtime can do with an engine; without facts about it, limits are not claimed. `unlisted` says why a list of
/// hosts cannot be kept.
pub(super) fn capability(facts: Option<&Facts>, unlisted: Option<&str>) -> RuntimeCapability {
    let mut notes = vec![
        "servers whose network is open share the engine's bridge and can reach each other and this machine there"
            .to_owned(),
    ];
    notes.extend(unlisted.map(|why| format!("servers with a list of hosts are refused: {why}")));
    let resource_limits = facts.is_some_and(|facts| {
        notes.extend(missing_limits(facts));
        facts.memory_limit && facts.cpu_quota && facts.pids_limit
    });
    if facts.is_none() {
        notes.push("the engine has not said yet which limits it enforces".to_owned());
    }
    if facts.is_some_and(|facts| facts.buildah_version.is_some()) {
        notes.push("podman hands the end of a server's input on late; servers are ended by a signal".to_owned());
    }
    RuntimeCapability {
        file_isolation: true,
        network_isolation: true,
        egress_filter: unlisted.is_none(),
        resource_limits,
        pause: true,
        one_shot: true,
        notes,
    }
}

/// How an engine that keeps its containers in a machine of its own names its system.
#[cfg(target_os = "linux")]
const DESKTOP: &str = "Docker Desktop";

/// Why an engine cannot be shown what this machine has; `None` where it can.
#[cfg(target_os = "linux")]
pub(super) fn elsewhere(endpoint: &Endpoint, facts: Option<&Facts>) -> Option<&'static str> {
    if !matches!(endpoint, Endpoint::Sockets(_)) {
        return Some("its engine is not reached by a socket of this machine");
    }
    facts.is_some_and(|facts| facts.operating_system == DESKTOP).then_some("its engine runs in a virtual machine")
}

fn missing_limits(facts: &Facts) -> impl Iterator<Item = String> + use<> {
    let seccomp =
        facts.security_options.as_ref().is_some_and(|options| options.iter().any(|option| option.contains("seccomp")));
    let version = facts.server_version.clone();
    [
        (facts.memory_limit, "does not limit memory"),
        (facts.swap_limit, "does not limit swap: a server can use more memory than its limit by swapping"),
        (facts.cpu_quota, "does not limit processor time"),
        (facts.pids_limit, "does not limit the number of processes"),
        (seccomp, "does not filter system calls"),
    ]
    .into_iter()
    .filter(|(enforced, _)| !enforced)
    .map(move |(_, what)| format!("the engine (version {version}) {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_enforced_is_said() {
        assert!(!capability(None, None).resource_limits);
        let text = r#"{"MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":true,"SwapLimit":true,"NCPU":2,
            "SecurityOptions":["name=seccomp,profile=default"],"ServerVersion":"20.10.24"}"#;
        let mut facts: Facts = serde_json::from_str(text).unwrap();
        let full = capability(Some(&facts), None);
        assert!(full.resource_limits && full.file_isolation && full.network_isolation && full.egress_filter);
        assert_eq!(full.notes.len(), 1);
        facts.pids_limit = false;
        let less = capability(Some(&facts), Some("no way"));
        assert!(!less.resource_limits && !less.egress_filter && less.notes[1].ends_with("no way"));
        assert!(less.notes[2].contains("20.10.24") && less.notes[2].contains("processes"));
    }
}
