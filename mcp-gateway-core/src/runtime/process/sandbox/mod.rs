//! What a child may do, prepared before it is started.

mod bubblewrap;
pub(super) mod exec;
mod files;
mod filter;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use landlock::{ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, Scope};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Limits, NetworkRule};
use crate::runtime::RuntimeCapability;
use exec::Confinement;

/// What this machine can enforce.
#[derive(Clone, Debug, Default)]
pub(super) struct Kernel {
    /// The newest file rules of Landlock that the kernel has.
    files: Option<ABI>,
    ports: bool,
    scopes: bool,
    bubblewrap: Option<PathBuf>,
}

/// What one child may do.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) read: &'a [PathBuf],
    pub(super) write: &'a [PathBuf],
    pub(super) network: &'a NetworkRule,
    pub(super) limits: &'a Limits,
    /// The child's own folder: its home, its working directory, its place for temporary files.
    pub(super) own: &'a Path,
}

/// A child's command line and what is done between fork and exec.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) confinement: Confinement,
}

impl Kernel {
    /// Finds out what the kernel has by asking for it.
    pub(super) fn probe(use_bubblewrap: bool) -> Self {
        let hard = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let abis = [ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
        let has = |abi: &ABI| hard().handle_access(AccessFs::from_all(*abi)).and_then(Ruleset::create).is_ok();
        Self {
            files: abis.into_iter().find(has),
            ports: hard().handle_access(AccessNet::from_all(ABI::V4)).and_then(Ruleset::create).is_ok(),
            scopes: hard().scope(Scope::from_all(ABI::V6)).and_then(Ruleset::create).is_ok(),
            bubblewrap: if use_bubblewrap { bubblewrap::find() } else { None },
        }
    }

    /// What is enforced, and what is not, in sentences.
    pub(super) fn capability(&self) -> RuntimeCapability {
        let isolated = self.files.is_some() || self.bubblewrap.is_some();
        let mut capability = RuntimeCapability {
            file_isolation: isolated,
            network_isolation: true,
            egress_filter: false,
            resource_limits: false,
            pause: true,
            one_shot: false,
            ..RuntimeCapability::default()
        };
        let mut note = |text: &str| capability.notes.push(text.to_owned());
        note(match (&self.bubblewrap, self.files) {
            (Some(_), _) => "files and processes are isolated by bubblewrap (namespaces), system calls by seccomp",
            (None, Some(_)) => "files are isolated by Landlock, system calls by seccomp; other processes can be seen",
            (None, None) => "this kernel has no Landlock and bubblewrap does not work: servers see your files",
        });
        note("memory is bounded per process (RLIMIT_DATA), not per server; processor time is not bounded");
        note(if self.ports {
            "a list of allowed hosts is enforced by TCP port only: the kernel does not see host names, and UDP is open for name resolution"
        } else {
            "a list of allowed hosts is not enforced: this kernel has no TCP rules"
        });
        capability
    }

    /// What is missing for full isolation under these rules.
    fn missing(&self, network: &NetworkRule) -> Option<&'static str> {
        if self.files.is_none() && self.bubblewrap.is_none() {
            return Some("neither Landlock nor bubblewrap is there to isolate files");
        }
        match network {
            NetworkRule::Listed(_) if !self.ports || self.files.is_none() => {
                Some("the kernel has no TCP rules for a list of hosts")
            }
            _ => None,
        }
    }

    /// Prepares a child.
    ///
    /// # Errors
    /// `Unsupported` when isolation is required and this machine cannot give it, `Internal` when rules cannot be made.
    pub(super) fn prepare(
        &self,
        rules: &Rules<'_>,
        program: &Path,
        args: &[String],
        require_isolation: bool,
    ) -> Result<Prepared> {
        if let Some(missing) = self.missing(rules.network) {
            if require_isolation {
                return Err(Error::new(ErrorKind::Unsupported, "this machine cannot isolate the server as required")
                    .with_context("missing", missing)
                    .with_hint("install bubblewrap, use a container engine, or give up --require-isolation"));
            }
            tracing::warn!(missing, "server is not fully isolated");
        }
        let filter = filter::program(rules.network)?;
        let listed = matches!(rules.network, NetworkRule::Listed(_));
        match &self.bubblewrap {
            // Namespaces give all of the network or none; a list of ports needs Landlock.
            Some(bwrap) if !listed => bubblewrap::prepare(bwrap, rules, program, args, filter),
            _ => {
                let ruleset = self.files.map(|abi| files::ruleset(abi, self.ports, self.scopes, rules)).transpose()?;
                Ok(Prepared {
                    program: program.to_owned(),
                    args: args.iter().map(OsString::from).collect(),
                    confinement: Confinement::new(rules.limits, ruleset, Some(filter)),
                })
            }
        }
    }
}

/// Parts of the system that every program needs and that tell nothing about this machine's owner.
const SYSTEM: [&str; 22] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/pki",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
];

/// What name resolution reads, for servers with a network.
const RESOLVER: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/host.conf"];

fn system_paths(network: &NetworkRule) -> impl Iterator<Item = &'static str> {
    let resolver: &[&str] = if *network == NetworkRule::None { &[] } else { &RESOLVER };
    SYSTEM.iter().chain(resolver).copied()
}
