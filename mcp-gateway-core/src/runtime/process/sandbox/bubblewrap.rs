//! Namespaces by bubblewrap, where it is installed and permitted.

use std::ffi::OsString;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seccompiler::BpfProgram;

use super::exec::{Confinement, FILTER_FD};
use super::{Prepared, Rules, filter, system_paths};
use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;

const CANDIDATES: [&str; 2] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"];

/// The program, if it really makes namespaces here: it may be installed and yet not be permitted.
pub(super) fn find() -> Option<PathBuf> {
    CANDIDATES.iter().map(PathBuf::from).find(|path| {
        let mut probe = Command::new(path);
        probe
            .args([
                "--unshare-all",
                "--die-with-parent",
                "--ro-bind",
                "/",
                "/",
                "--proc",
                "/proc",
                "--dev",
                "/dev",
                "/bin/true",
            ])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

/// A child in namespaces of its own that sees what its rules name and nothing else.
pub(super) fn prepare(
    bwrap: &Path,
    rules: &Rules<'_>,
    program: &Path,
    args: &[String],
    filter: BpfProgram,
) -> Result<Prepared> {
    let mut line: Vec<OsString> = Vec::new();
    let mut add = |words: &[&std::ffi::OsStr]| line.extend(words.iter().map(|word| (*word).to_owned()));
    macro_rules! add {
        ($($word:expr),+) => { add(&[$(std::ffi::OsStr::new($word)),+]) };
    }
    add!("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL");
    if *rules.network == NetworkRule::Open {
        add!("--share-net");
    }
    add!("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp");
    for path in system_paths(rules.network).filter(|path| !path.starts_with("/proc") && !path.starts_with("/dev")) {
        add!("--ro-bind-try", path, path);
    }
    for path in rules.read {
        add!("--ro-bind-try", path, path);
    }
    for path in rules.write.iter().map(PathBuf::as_path).chain([rules.own]) {
        add!("--bind", path, path);
    }
    let descriptor = FILTER_FD.to_string();
    add!("--chdir", rules.own, "--seccomp", &descriptor, "--", program);
    line.extend(args.iter().map(OsString::from));
    let confinement = Confinement::new(rules.limits, None, None).with_filter_file(filter_file(&filter, rules.own)?);
    Ok(Prepared { program: bwrap.to_owned(), args: line, confinement })
}

/// The filter in a file without a name, which bubblewrap reads and puts on the child.
fn filter_file(filter: &BpfProgram, own: &Path) -> Result<std::fs::File> {
    let write = || {
        let path = own.join(".filter");
        let mut file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the name is of no further use, and the error belongs to the filter"
        )]
        std::fs::remove_file(&path)?;
        file.write_all(&filter::bytes(filter))?;
        file.seek(SeekFrom::Start(0))?;
        Ok::<_, std::io::Error>(file)
    };
    write().map_err(|cause| Error::new(ErrorKind::Io, "the sandbox's filter could not be written").with_source(cause))
}
