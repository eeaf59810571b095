//! What happens between fork and exec, and signals.
#![expect(unsafe_code, reason = "a child is confined by system calls between fork and exec, which std marks unsafe")]

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;

use seccompiler::BpfProgram;

use super::network::OwnNetwork;

/// The most files that a server may have open.
const OPEN_FILES: libc::rlim_t = 4_096;

/// How many descriptors are looked at where the kernel cannot mark all of them at once.
const DESCRIPTORS: libc::c_int = 4_096;

/// The rights to files that a process needs on its own part of `/proc`: to read files and folders.
const READ_FILES: u64 = 0b1100;

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

/// What is put on a child before it runs its program; everything is prepared before the fork.
#[derive(Debug, Default)]
pub(crate) struct Confinement {
    /// What it may use of memory, in bytes, and of processes.
    pub(super) memory: Option<u64>,
    pub(super) processes: Option<u64>,
    /// Whether nothing else confines it: it gives up the capabilities that it would have as root, and what it creates is
    /// for its user only.
    pub(super) alone: bool,
    /// Landlock's rules.
    pub(super) ruleset: Option<OwnedFd>,
    /// Whether the rules are about files, so that its own part of `/proc` has to be added.
    pub(super) files: bool,
    pub(super) filters: Vec<BpfProgram>,
    /// A network of its own.
    pub(super) network: Option<OwnNetwork>,
    /// Files that stay open.
    pub(super) passed: Vec<File>,
}

impl Confinement {
    /// Has the command put this on its child.
    pub(crate) fn apply(self, command: &mut std::process::Command) {
        let parent = std::process::id();
        // SAFETY: `confine` makes system calls on values that were prepared before the fork; it takes no lock and no memory.
        unsafe {
            command.pre_exec(move || self.confine(parent));
        }
    }

    fn confine(&self, parent: u32) -> io::Result<()> {
        close_others()?;
        if let Some(network) = &self.network {
            network.enter()?;
        }
        for file in &self.passed {
            // SAFETY: a system call without pointers.
            check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) })?;
        }
        limit(libc::RLIMIT_CORE, 0)?;
        limit(libc::RLIMIT_NOFILE, OPEN_FILES)?;
        // Not RLIMIT_AS: JavaScript engines reserve far more addresses than they use.
        self.memory.map_or(Ok(()), |bytes| limit(libc::RLIMIT_DATA, bytes))?;
        self.processes.map_or(Ok(()), |count| limit(libc::RLIMIT_NPROC, count))?;
        if self.alone {
            drop_capabilities()?;
            // SAFETY: a system call without pointers that cannot fail.
            unsafe { libc::umask(0o077) };
        }
        become_group(parent)?;
        if let Some(ruleset) = &self.ruleset {
            if self.files {
                allow_own_process(ruleset.as_raw_fd())?;
            }
            // SAFETY: a system call without pointers.
            check_long(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
        }
        for filter in &self.filters {
            seccompiler::apply_filter(filter).map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
        }
        Ok(())
    }
}

/// Puts a helper of the gateway into a session of its own, without the gateway's open files.
pub(crate) fn detach(command: &mut std::process::Command) {
    // SAFETY: plain system calls without pointers.
    unsafe {
        command.pre_exec(|| {
            close_others()?;
            check(libc::setsid())
        });
    }
}

/// Has every descriptor but the standard three closed by exec: a host program may have opened some that would stay.
fn close_others() -> io::Result<()> {
    // SAFETY: system calls without pointers.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return Ok(());
        }
        for descriptor in 3..DESCRIPTORS {
            // Most numbers have no file.
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
    Ok(())
}

/// A session and group of its own, ended with the thread that started it; nothing it runs gains rights.
fn become_group(parent: u32) -> io::Result<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        check(libc::setsid())?;
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong))?;
        let (yes, unused): (libc::c_ulong, libc::c_ulong) = (1, 0);
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, unused, unused, unused))?;
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
        check(libc::setrlimit(resource, &libc::rlimit { rlim_cur: value, rlim_max: value }))
    }
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
        for capability in 0..64 as libc::c_ulong {
            // Refused for capabilities that the kernel does not know, and for those who have none to give up.
            libc::prctl(libc::PR_CAPBSET_DROP, capability);
        }
        check_long(libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()))
    }
}

/// Lets the child read its own part of `/proc`. Opened here: before the fork it would be the gateway's.
fn allow_own_process(ruleset: libc::c_int) -> io::Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        allowed: u64,
        parent: i32,
    }
    const PATH_BENEATH: libc::c_int = 1;
    // SAFETY: the pointers are to values that live until the calls return, in the kernel's layout.
    unsafe {
        let folder = libc::open(c"/proc/self".as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
        if folder < 0 {
            // A machine without `/proc` has nothing to show.
            return Ok(());
        }
        let rule = PathBeneath { allowed: READ_FILES, parent: folder };
        check_long(libc::syscall(libc::SYS_landlock_add_rule, ruleset, PATH_BENEATH, &raw const rule, 0))?;
        check(libc::close(folder))
    }
}

/// The version of Landlock that the kernel has; 0 where it has none.
pub(super) fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: asked for the version, the kernel takes no pointer.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// A file in memory, from its start, which a child can be handed by its number.
pub(super) fn memory_file(content: &[u8]) -> io::Result<File> {
    // SAFETY: the name lives until the call returns, and the new descriptor has no other owner.
    let mut file = unsafe {
        let descriptor = libc::memfd_create(c"mcp-gateway".as_ptr(), libc::MFD_CLOEXEC);
        check(descriptor)?;
        File::from_raw_fd(descriptor)
    };
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
}

/// Whether this process is the administrator.
pub(crate) fn is_root() -> bool {
    // SAFETY: a system call without pointers that cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The user of this process.
pub(super) fn user() -> u32 {
    // SAFETY: a system call without pointers that cannot fail.
    unsafe { libc::getuid() }
}

/// Sends a signal to a group of processes; one that is gone is no error.
pub(crate) fn signal_group(group: u32, signal: libc::c_int) {
    send(group, signal, |group| -group);
}

/// Sends a signal to one process; one that is gone is no error.
pub(crate) fn signal_process(pid: u32, signal: libc::c_int) {
    send(pid, signal, |pid| pid);
}

fn send(pid: u32, signal: libc::c_int, target: fn(libc::pid_t) -> libc::pid_t) {
    if let Ok(pid) = libc::pid_t::try_from(pid)
        && pid > 1
    {
        // SAFETY: a system call without pointers; the process or group is one that this runtime has made.
        unsafe {
            libc::kill(target(pid), signal);
        }
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
