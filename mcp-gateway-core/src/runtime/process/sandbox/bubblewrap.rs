//! Namespaces by bubblewrap, where it is installed and permitted.

use std::ffi::OsStr;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::system::{self, Reach};
use super::{Kernel, Launch, Prepared, Rules, exec, filter, landlock};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::egress::inside;
use crate::runtime::secret_files::INSIDE;

const CANDIDATES: [&str; 2] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"];

/// How long the trial may take; it takes some milliseconds.
const TRIAL_LIMIT: Duration = Duration::from_secs(5);
/// Names that are not in the hosts file fail at once: nobody answers there.
const NO_RESOLVER: &str = "nameserver 127.0.0.1\n";

const TRIAL_POLL: Duration = Duration::from_millis(2);

/// The program, if it really contains a child here: it may be installed and yet not be permitted, or be too old.
pub(super) fn find(kernel: &Kernel) -> Option<PathBuf> {
    CANDIDATES.iter().map(PathBuf::from).find(|path| path.exists() && works(path, kernel))
}

fn works(bwrap: &Path, kernel: &Kernel) -> bool {
    let own = Path::new("/usr");
    let rules = Rules { read: &[], write: &[], files: &[], reach: &Reach::Nothing, limits: None, own };
    let launch = Launch { program: Path::new("/bin/true"), args: &[], env: &[] };
    let Ok(prepared) = contain(bwrap, kernel, &rules, &launch, false) else { return false };
    let mut command = prepared.command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let until = Instant::now() + TRIAL_LIMIT;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(TRIAL_POLL),
            Err(_) => break,
        }
    }
    // Killed and forgotten: a trial that hangs is a trial that failed.
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// A child in namespaces of its own that sees what its rules name and nothing else.
pub(super) fn prepare(bwrap: &Path, kernel: &Kernel, rules: &Rules<'_>, launch: &Launch<'_>) -> Result<Prepared> {
    contain(bwrap, kernel, rules, launch, true)
}

fn contain(bwrap: &Path, kernel: &Kernel, rules: &Rules<'_>, launch: &Launch<'_>, writable: bool) -> Result<Prepared> {
    let mut line = Line::default();
    line.add(["--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]);
    if *rules.reach != Reach::Nothing {
        line.add(["--share-net"]);
    }
    line.add(["--proc", "/proc", "--dev", "/dev"]);
    let own_access = if writable { "--bind" } else { "--ro-bind" };
    if writable {
        line.add([OsStr::new(own_access), rules.own.as_os_str(), OsStr::new("/tmp")]);
    }
    for path in system::files(rules.reach) {
        line.show(Path::new(path));
    }
    let mut confinement = kernel.confinement(rules);
    confinement.ruleset = landlock::ruleset(kernel.landlock, rules, false)?;
    let mut pass = |content: &[u8]| {
        let file = exec::memory_file(content).map_err(|cause| {
            Error::new(ErrorKind::Io, "the sandbox's settings could not be handed over").with_source(cause)
        })?;
        let number = file.as_raw_fd().to_string();
        confinement.passed.push(file);
        Ok::<_, Error>(number)
    };
    if let Reach::Listed(hosts) = rules.reach {
        for (path, content) in [("/etc/hosts", inside::hosts_file(hosts).as_str()), ("/etc/resolv.conf", NO_RESOLVER)] {
            line.add(["--ro-bind-data", &pass(content.as_bytes())?, path]);
        }
    }
    for file in rules.files {
        // A copy in the file system in memory that is this child's alone.
        let place = Path::new(INSIDE).join(&file.variable);
        let content = pass(file.value.expose().as_bytes())?;
        line.add([OsStr::new("--ro-bind-data"), OsStr::new(&content), place.as_os_str()]);
    }
    // Names first: where a folder holds the link itself, that is shown over the stand-in.
    rules.read.iter().for_each(|seen| line.alias("--ro-bind", seen));
    rules.write.iter().for_each(|seen| line.alias("--bind", seen));
    for (access, list) in [("--ro-bind", rules.read), ("--bind", rules.write)] {
        let mut paths: Vec<_> = list.iter().map(|seen| seen.path.as_os_str()).collect();
        // Folders before what is in them.
        paths.sort_unstable();
        paths.dedup();
        paths.into_iter().for_each(|path| line.add([OsStr::new(access), path, path]));
    }
    line.add([OsStr::new(own_access), rules.own.as_os_str(), rules.own.as_os_str()]);
    // What is left writable is in memory, which no limit of the child counts; and settings of the kernel, which to it
    // are files of root, whoever that is inside.
    line.add(["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]);
    line.add([OsStr::new("--chdir"), rules.own.as_os_str()]);
    for (name, value) in launch.env {
        line.add(["--setenv", name, value.expose()]);
    }

    for program in filter::programs(kernel.calls(rules, true))? {
        line.add(["--add-seccomp-fd", &pass(&filter::bytes(&program))?]);
    }
    // In a file and not on the command line, which every user of the machine can read; and not in the environment, where
    // a variable for the loader would take effect outside of the sandbox.
    let args = vec!["--args".into(), pass(&line.0)?.into(), "--".into(), launch.program.as_os_str().to_owned()];
    let args = args.into_iter().chain(launch.args.iter().map(Into::into)).collect();
    Ok(Prepared { program: bwrap.to_owned(), args, env: Vec::new(), confinement, handover: None, contained: true })
}

/// Arguments, each ended by a zero byte; wiped, because some of them are secrets.
#[derive(Default)]
struct Line(Zeroizing<Vec<u8>>);

impl Line {
    fn add<const N: usize>(&mut self, words: [impl AsRef<OsStr>; N]) {
        for word in words {
            self.0.extend_from_slice(word.as_ref().as_bytes());
            self.0.push(0);
        }
    }

    /// A part of the system, as it is: a link stays a link, because programs read more from it than where it leads.
    fn show(&mut self, path: &Path) {
        match std::fs::read_link(path) {
            Err(_) => self.add([OsStr::new("--ro-bind-try"), path.as_os_str(), path.as_os_str()]),
            Ok(target) => {
                self.add([OsStr::new("--symlink"), target.as_os_str(), path.as_os_str()]);
                if let Ok(real) = crate::util::fs::canonicalize(path)
                    && !real.starts_with("/usr")
                {
                    self.add([OsStr::new("--ro-bind-try"), real.as_os_str(), real.as_os_str()]);
                }
            }
        }
    }

    /// The name that a path was given by, where links lead to it: a server is told that name.
    fn alias(&mut self, access: &str, seen: &super::Seen) {
        if seen.named != seen.path && seen.named.is_absolute() && !seen.named.starts_with("/usr") {
            self.add([OsStr::new(access), seen.path.as_os_str(), seen.named.as_os_str()]);
        }
    }
}
