//! Parts of the system that every program needs and that tell nothing about this machine's owner.

use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;

/// What may be read, and run.
const FILES: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/alpine-release",
    "/etc/crypto-policies",
    "/etc/debian_version",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/redhat-release",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/system-release",
    "/etc/timezone",
    "/sys/devices/system/cpu",
];

/// What name resolution reads, for servers with a network.
const RESOLVER: &[&str] = &["/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf", "/etc/services"];

/// Figures of the machine that language runtimes ask for; namespaces have a `/proc` of their own.
const FIGURES: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random",
    "/proc/sys/vm/overcommit_memory",
    "/proc/uptime",
    "/proc/version",
];

/// Devices that may be read; namespaces have devices of their own.
pub(super) const DEVICES: &[&str] = &["/dev/random", "/dev/urandom", "/dev/zero", "/dev/full"];

/// The device that may be written too.
pub(super) const NULL: &str = "/dev/null";

/// What a child may reach, in the words of a kernel: ports and not hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Reach {
    /// No network.
    Nothing,
    /// TCP to these ports of any host; `names` where hosts have names that need to be resolved.
    Listed { ports: Vec<u16>, names: bool },
    /// Everything.
    Open,
}

impl Reach {
    /// Reads a network rule; a host without a port means HTTPS.
    ///
    /// # Errors
    /// `InvalidConfig` for a host whose port is none: a rule that cannot be understood is not passed over.
    pub(in super::super) fn of(rule: &NetworkRule) -> Result<Self> {
        match rule {
            NetworkRule::None => Ok(Self::Nothing),
            NetworkRule::Open => Ok(Self::Open),
            NetworkRule::Listed(hosts) if hosts.is_empty() => Ok(Self::Nothing),
            NetworkRule::Listed(hosts) => {
                let hosts: Vec<_> = hosts.iter().map(|host| split(host)).collect::<Result<_>>()?;
                let names = hosts.iter().any(|(host, _)| host.parse::<std::net::IpAddr>().is_err());
                let mut ports: Vec<u16> = hosts.into_iter().map(|(_, port)| port).collect();
                // Names whose answer does not fit are asked for again by TCP.
                ports.extend(names.then_some(53));
                ports.sort_unstable();
                ports.dedup();
                Ok(Self::Listed { ports, names })
            }
        }
    }
}

/// Host and port of `host`, `host:port`, `[address]:port` and a bare IPv6 address.
fn split(text: &str) -> Result<(&str, u16)> {
    const HTTPS: u16 = 443;
    let wrong = || {
        Error::new(ErrorKind::InvalidConfig, format!("`{text}` is not a host with a port"))
            .with_hint("write an allowed host as `host:port`, such as `api.example.com:443`")
    };
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((text, HTTPS));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|&port| port != 0).ok_or_else(wrong)?),
        None => (text, HTTPS),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() { Err(wrong()) } else { Ok((host, port)) }
}

/// The files that a child may read beside its own.
pub(super) fn files(reach: &Reach) -> impl Iterator<Item = &'static str> {
    let resolver = if *reach == Reach::Nothing { &[] } else { RESOLVER };
    FILES.iter().chain(resolver).copied()
}

/// The same with the figures of the machine, for a child that shares its `/proc`.
pub(super) fn paths(reach: &Reach) -> impl Iterator<Item = &'static str> {
    files(reach).chain(FIGURES.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(hosts: &[&str]) -> Result<Reach> {
        Reach::of(&NetworkRule::Listed(hosts.iter().map(|host| (*host).to_owned()).collect()))
    }

    #[test]
    fn hosts_are_reached_by_their_ports() {
        assert_eq!(
            listed(&["api.example", "b.example:8443"]).unwrap(),
            Reach::Listed { ports: vec![53, 443, 8443], names: true }
        );
        assert_eq!(
            listed(&["127.0.0.1:5000", "[::1]:5000", "::1"]).unwrap(),
            Reach::Listed { ports: vec![443, 5000], names: false }
        );
        assert_eq!(listed(&[]).unwrap(), Reach::Nothing);
    }

    #[test]
    fn a_host_that_cannot_be_understood_is_an_error() {
        for bad in ["api.example:x", "api.example:0", "api.example:70000", ":443", ""] {
            assert_eq!(listed(&[bad]).unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
        }
    }
}
