//! Parts of the system that every program needs and that tell nothing about this machine's owner.

use crate::error::Result;
use crate::model::NetworkRule;
use crate::runtime::egress::HostList;

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

/// What name resolution reads, for servers with the machine's network.
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

/// What a child may reach.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Reach {
    /// No network.
    Nothing,
    /// A network of its own with nothing in it but what leads to the hosts of this list.
    Listed(HostList),
    /// Everything.
    Open,
}

impl Reach {
    /// Reads a network rule.
    ///
    /// # Errors
    /// As [`HostList::parse`]: a rule that cannot be understood is not passed over.
    pub(in super::super) fn of(rule: &NetworkRule) -> Result<Self> {
        match rule {
            NetworkRule::None => Ok(Self::Nothing),
            NetworkRule::Open => Ok(Self::Open),
            NetworkRule::Listed(hosts) if hosts.is_empty() => Ok(Self::Nothing),
            NetworkRule::Listed(hosts) => HostList::parse(hosts).map(Self::Listed),
        }
    }
}

/// The files that a child may read beside its own.
pub(super) fn files(reach: &Reach) -> impl Iterator<Item = &'static str> {
    let resolver = if *reach == Reach::Open { RESOLVER } else { &[] };
    FILES.iter().chain(resolver).copied()
}

/// The same with the figures of the machine, for a child that shares its `/proc`.
pub(super) fn paths(reach: &Reach) -> impl Iterator<Item = &'static str> {
    files(reach).chain(FIGURES.iter().copied())
}
