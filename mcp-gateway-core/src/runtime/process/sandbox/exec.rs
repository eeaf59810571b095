//! What happens between fork and exec, and signals to groups: the one place with unsafe code.
#![expect(unsafe_code, reason = "a child is confined by system calls between fork and exec, which std marks unsafe")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use landlock::{RulesetCreated, RulesetStatus};
use seccompiler::BpfProgram;
use tokio::process::Command;

use crate::model::Limits;

/// The descriptor under which bubblewrap finds the filter.
pub(super) const FILTER_FD: i32 = 9;

/// The most files that a server may have open.
const OPEN_FILES: libc::rlim_t = 4_096;

/// What is put on a child before it runs its program.
#[derive(Debug)]
pub(crate) struct Confinement {
    limits: Vec<(Resource, libc::rlim_t)>,
    ruleset: Option<RulesetCreated>,
    filter: Option<BpfProgram>,
    filter_file: Option<File>,
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

impl Confinement {
    pub(super) fn new(limits: &Limits, ruleset: Option<RulesetCreated>, filter: Option<BpfProgram>) -> Self {
        let limits = vec![
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_NOFILE, OPEN_FILES),
            // Not RLIMIT_AS: JavaScript engines reserve far more addresses than they use.
            (libc::RLIMIT_DATA, limits.memory_bytes),
        ];
        Self { limits, ruleset, filter, filter_file: None }
    }

    /// Hands the filter to bubblewrap instead.
    pub(super) fn with_filter_file(mut self, file: File) -> Self {
        self.filter_file = Some(file);
        self
    }

    /// Has the command put this on its child.
    pub(crate) fn apply(self, command: &mut Command) {
        let Self { limits, mut ruleset, filter, filter_file } = self;
        let bare = filter.is_some();
        let parent = std::process::id();
        let confine = move || {
            become_group(parent)?;
            for (resource, value) in &limits {
                limit(*resource, *value)?;
            }
            if bare {
                drop_capabilities()?;
            }
            if let Some(file) = &filter_file {
                pass_descriptor(file.as_raw_fd())?;
            }
            if let Some(ruleset) = ruleset.take() {
                let status = ruleset.restrict_self().map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
                if status.ruleset != RulesetStatus::FullyEnforced {
                    return Err(io::Error::from_raw_os_error(libc::EPERM));
                }
            }
            if let Some(filter) = &filter {
                seccompiler::apply_filter(filter).map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
            }
            Ok(())
        };
        // SAFETY: `confine` makes system calls on values that were prepared before the fork; it takes no lock.
        unsafe {
            command.pre_exec(confine);
        }
    }
}

/// A session and group of its own, ended with the thread that started it.
fn become_group(parent: u32) -> io::Result<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        check(libc::setsid())?;
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        // The parent may have died before the second call.
        if u32::try_from(libc::getppid()).ok() != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    Ok(())
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, value: libc::rlim_t) -> io::Result<()> {
    let mut current = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to a value that lives until they return.
    unsafe {
        check(libc::getrlimit(resource, &raw mut current))?;
        let value = value.min(current.rlim_max);
        check(libc::setrlimit(resource, &libc::rlimit { rlim_cur: value, rlim_max: value }))?;
    }
    Ok(())
}

/// Gives up every capability for good, which matters where the gateway runs as root.
fn drop_capabilities() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [[0_u32; 3]; 2];
    // SAFETY: `prctl` gets no pointer; `capset` gets two that live until it returns, in the kernel's layout.
    unsafe {
        for capability in 0..64 {
            // Refused for capabilities that the kernel does not know, and for those who have none to give up.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        check(libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) as libc::c_int)
    }
}

/// Keeps a descriptor open over exec, under a number that the child knows.
fn pass_descriptor(descriptor: i32) -> io::Result<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        if descriptor == FILTER_FD {
            return check(libc::fcntl(descriptor, libc::F_SETFD, 0));
        }
        check(libc::dup2(descriptor, FILTER_FD))
    }
}

/// Sends a signal to a group of processes; one that is gone is no error.
pub(crate) fn signal_group(group: u32, signal: i32) {
    if let Ok(group) = i32::try_from(group)
        && group > 1
    {
        // SAFETY: a system call without pointers; the group is one that this runtime has made.
        unsafe {
            libc::kill(-group, signal);
        }
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
