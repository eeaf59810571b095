//! What a child may do, prepared before it is started.

mod bubblewrap;
mod calls;
pub(super) mod exec;
mod filter;
mod landlock;
mod network;
mod system;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stats;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Limits, SecretValue};
use crate::runtime::egress::inside;
use crate::runtime::sensitive::check_exposed;
use crate::runtime::{RuntimeCapability, SecretFile};
use exec::Confinement;
use filter::{Calls, Internet};
use landlock::Version;
pub(super) use network::Handover;
pub(super) use system::Reach;

/// How many processes and threads a user may have beside what was there at the start and what the server is allowed:
/// the kernel counts them all, and those of other programs come and go.
const OTHER_PROCESSES: u64 = 512;

/// Why there is no network for a list of hosts.
const NO_NETWORK: &str = "this machine gives a process no network of its own (user namespaces are not permitted)";

/// What this machine can enforce.
#[derive(Clone, Debug, Default)]
pub(super) struct Kernel {
    landlock: Version,
    bubblewrap: Option<PathBuf>,
    /// Whether a child can have a network of its own.
    network: bool,
}

/// What one child may do.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) read: &'a [Seen],
    pub(super) write: &'a [Seen],
    /// Secrets that it reads from files, where it has a file system of its own.
    pub(super) files: &'a [SecretFile],
    pub(super) reach: &'a Reach,
    /// `None` for a helper of the gateway's own choice, such as a package manager.
    pub(super) limits: Option<&'a Limits>,
    /// The child's own folder: its home, its working directory, its place for temporary files.
    pub(super) own: &'a Path,
}

/// A path that a child sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Without links.
    pub(super) path: PathBuf,
    /// As it was given.
    pub(super) named: PathBuf,
}

impl Seen {
    /// A path of the runtime's own choice.
    pub(super) fn own(path: impl Into<PathBuf>) -> Self {
        let named = path.into();
        Self { path: crate::util::fs::canonicalize(&named).unwrap_or_else(|_| named.clone()), named }
    }

    /// A path that a plan asks for.
    ///
    /// # Errors
    /// As [`check_exposed`]; `Denied` also for what `protected` holds or what holds that.
    pub(super) fn asked(named: &Path, protected: &[PathBuf]) -> Result<Self> {
        let path = check_exposed(named)?;
        match protected.iter().find(|secret| crate::runtime::sensitive::overlap(&path, secret)) {
            None => Ok(Self { path, named: named.to_owned() }),
            Some(secret) => Err(crate::runtime::sensitive::denied(named, secret)),
        }
    }
}

/// What is run.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) args: &'a [String],
    pub(super) env: &'a [(String, SecretValue)],
}

/// A child's command line and what is done between fork and exec.
#[derive(Debug)]
pub(super) struct Prepared {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(String, SecretValue)>,
    confinement: Confinement,
    /// Where the listeners of a network of its own come to.
    pub(super) handover: Option<Handover>,
    /// Whether the child is in namespaces: behind a helper, and taking its children with it when it ends.
    pub(super) contained: bool,
}

impl Kernel {
    /// Finds out what the kernel has by asking for it.
    pub(super) fn probe(use_bubblewrap: bool) -> Self {
        let mut kernel = Self { landlock: Version::of_kernel(), bubblewrap: None, network: network::works() };
        if use_bubblewrap {
            kernel.bubblewrap = bubblewrap::find(&kernel);
        }
        kernel
    }

    /// Whether servers get namespaces of their own.
    pub(super) fn contains(&self) -> bool {
        self.bubblewrap.is_some()
    }

    /// What is enforced, and what is not, in sentences.
    pub(super) fn capability(&self) -> RuntimeCapability {
        let mut notes = Vec::new();
        let mut note = |text: String| notes.push(text);
        note(match (&self.bubblewrap, self.landlock) {
            (Some(path), _) => format!("files and processes are isolated by namespaces ({})", path.display()),
            (None, version) if version.has_files() => format!(
                "files are isolated by Landlock (version {}): a server can see that a path exists, not what is in it; \
                 modes and times of its own files cannot be changed, files cannot be watched",
                version.0
            ),
            (None, _) => {
                "files are not isolated: this kernel has no Landlock and bubblewrap does not work here".to_owned()
            }
        });
        self.missing().into_iter().for_each(|text| note(text.to_owned()));
        note(match (self.network, &self.bubblewrap) {
            (true, Some(_)) => {
                "a server with a list of hosts has a network of its own, which leads to these only".to_owned()
            }
            (true, None) => {
                "a server with a list of hosts has a network of its own, where these are reached by the proxy \
                             that `HTTPS_PROXY` names; bubblewrap would let it reach them by their names too"
                    .to_owned()
            }
            (false, _) => format!("servers with a list of hosts are refused: {NO_NETWORK}"),
        });
        note("memory is bounded per process, not per server; processor time is not bounded".to_owned());
        note(if exec::is_root() {
            "the number of processes is not bounded: the kernel does not count those of root".to_owned()
        } else {
            "the number of processes is bounded together with all others of this user".to_owned()
        });
        RuntimeCapability {
            file_isolation: self.isolates_files(),
            network_isolation: true,
            egress_filter: self.network,
            resource_limits: false,
            pause: true,
            one_shot: false,
            notes,
        }
    }

    /// Whether a server cannot read what another one may.
    pub(super) fn isolates_files(&self) -> bool {
        self.bubblewrap.is_some() || self.landlock.has_files()
    }

    /// What is missing for isolation.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.bubblewrap.is_none() {
            if !self.landlock.has_files() {
                missing.push("a server can read and write every file that the gateway can");
            }
            if !self.landlock.has_truncation() {
                missing.push("a server can empty files that it may not write (Linux 6.2 has Landlock 3)");
            }
            if !self.landlock.has_scopes() {
                missing.push("a server can send signals to other processes of this user (Linux 6.12 has Landlock 6)");
            }
        }
        missing
    }

    /// Refuses what cannot be isolated where that is required; otherwise says so in the log.
    ///
    /// # Errors
    /// `Unsupported`, naming all that is missing; also where there is no network for a list of hosts.
    pub(super) fn require(&self, reach: &Reach, required: bool) -> Result<()> {
        if matches!(reach, Reach::Listed(_)) && !self.network {
            return Err(Error::new(ErrorKind::Unsupported, "the server cannot be kept to its list of hosts")
                .with_context("reason", NO_NETWORK)
                .with_hint("use a container engine, or allow user namespaces on this machine")
                .with_hint("`network: none` cuts the server off, `network: open` lets it reach everything"));
        }
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join("; ");
        if required {
            return Err(Error::new(ErrorKind::Unsupported, "this machine cannot isolate the server as required")
                .with_context("missing", missing)
                .with_hint("install bubblewrap, use a container engine, or do without `--require-isolation`"));
        }
        tracing::warn!(missing, "server is not fully isolated");
        Ok(())
    }

    /// Prepares a child.
    ///
    /// # Errors
    /// `Internal` or `Io` when rules cannot be made, `Unsupported` on a processor without a filter of system calls.
    pub(super) fn prepare(&self, rules: &Rules<'_>, launch: &Launch<'_>) -> Result<Prepared> {
        let mut prepared = self.prepare_files(rules, launch)?;
        if let Reach::Listed(hosts) = rules.reach {
            let places: Vec<_> = inside::places(hosts).into_iter().map(|(place, _)| place).collect();
            let (network, handover) = network::prepare(&places).map_err(|cause| {
                Error::new(ErrorKind::Io, "the server's network could not be prepared").with_source(cause)
            })?;
            (prepared.confinement.network, prepared.handover) = (Some(network), Some(handover));
        }
        Ok(prepared)
    }

    fn prepare_files(&self, rules: &Rules<'_>, launch: &Launch<'_>) -> Result<Prepared> {
        if let Some(bwrap) = &self.bubblewrap {
            return bubblewrap::prepare(bwrap, self, rules, launch);
        }
        let confinement = Confinement {
            ruleset: landlock::ruleset(self.landlock, rules, true)?,
            files: self.landlock.has_files(),
            filters: filter::programs(self.calls(rules, false))?,
            alone: true,
            ..self.confinement(rules)
        };
        Ok(Prepared {
            program: launch.program.to_owned(),
            args: launch.args.iter().map(OsString::from).collect(),
            env: launch.env.to_vec(),
            confinement,
            handover: None,
            contained: false,
        })
    }

    fn confinement(&self, rules: &Rules<'_>) -> Confinement {
        Confinement {
            memory: rules.limits.map(|limits| limits.memory_bytes),
            processes: rules
                .limits
                .filter(|_| !exec::is_root())
                .map(|limits| stats::threads_of(exec::user()) + u64::from(limits.pids) + OTHER_PROCESSES),
            ..Confinement::default()
        }
    }

    fn calls(&self, rules: &Rules<'_>, contained: bool) -> Calls {
        Calls {
            internet: match rules.reach {
                Reach::Nothing => Internet::Closed,
                // In a network of its own, whatever it opens leads where it may.
                Reach::Listed(_) | Reach::Open => Internet::Open,
            },
            // Sockets with a path are out of sight in a file system of its own, those without one in a network of its own.
            local_sockets: contained && (*rules.reach != Reach::Open || self.landlock.has_scopes()),
            contained,
        }
    }
}

impl Prepared {
    /// The command with its arguments, its environment and its confinement.
    pub(super) fn command(self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value.expose())));
        self.confinement.apply(&mut command);
        command
    }
}
