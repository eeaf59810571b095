//! Interpreters and installers of this machine, as its owner's shell would find them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::run;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::process::sandbox::{Seen, exec};
use crate::runtime::process::spawner::Spawner;
use crate::util::{env_vars, fs};

/// How long an interpreter may take to say where it is.
const ANSWER: Duration = Duration::from_secs(20);

/// The part of a folder for programs and what they need; nothing else of it is anyone's business.
const PARTS: [&str; 5] = ["bin", "lib", "lib64", "libexec", "share"];

/// Finds programs.
#[derive(Debug)]
pub(super) struct Tools {
    /// Folders in which servers' programs are looked up.
    search_path: Vec<PathBuf>,
    spawner: Arc<Spawner>,
}

/// npm and what it runs in.
#[derive(Debug)]
pub(super) struct Npm {
    pub(super) node: PathBuf,
    pub(super) script: PathBuf,
    pub(super) read: Vec<Seen>,
}

/// A Python that is no virtual environment.
#[derive(Debug)]
pub(super) struct Python {
    pub(super) program: PathBuf,
    pub(super) read: Vec<Seen>,
}

impl Tools {
    pub(super) fn new(search_path: Vec<PathBuf>, spawner: Arc<Spawner>) -> Self {
        Self { search_path, spawner }
    }

    /// A server's program by its path or name.
    ///
    /// # Errors
    /// `NotFound`; `InvalidConfig` for a path that is not absolute.
    pub(super) fn program(&self, name: &str) -> Result<PathBuf> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("program `{name}` is not there"))
                .with_context("looked in", super::join(&self.search_path).to_string_lossy())
                .with_hint("install it, or write its absolute path in the catalog entry")
        };
        let path = Path::new(name);
        if path.is_absolute() {
            return if path.is_file() { Ok(path.to_owned()) } else { Err(missing()) };
        }
        if name.is_empty() || name.contains('/') {
            return Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("program `{name}` is neither a name nor an absolute path"),
            ));
        }
        self.search_path.iter().map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(missing)
    }

    /// Node.js itself, not a script that chooses one.
    pub(super) async fn node(&self) -> Result<PathBuf> {
        let found = self.find("node", "install Node.js, or run this server in a container")?;
        let found = fs::canonicalize(&found)?;
        if is_binary(&found) {
            return Ok(found);
        }
        self.ask(&found, &["-p", "process.execPath"]).await.map(PathBuf::from)
    }

    pub(super) async fn npm(&self) -> Result<Npm> {
        let node = self.node().await?;
        let found = self.find("npm", "install npm, or run this server in a container")?;
        let own = fs::canonicalize(&found)?;
        let beside =
            node.parent().and_then(Path::parent).map(|prefix| prefix.join("lib/node_modules/npm/bin/npm-cli.js"));
        let script = [Some(own), beside]
            .into_iter()
            .flatten()
            .find(|path| path.extension().is_some_and(|extension| extension == "js") && fs::exists(path));
        let script = script.ok_or_else(|| {
            Error::new(ErrorKind::RuntimeUnavailable, "npm is not where Node.js is")
                .with_context("npm", found.display())
        })?;
        let mut read = own_files(&node);
        // `…/npm/bin/npm-cli.js`
        read.extend(script.parent().and_then(Path::parent).map(Seen::own));
        Ok(Npm { node, script, read })
    }

    pub(super) async fn python(&self) -> Result<Python> {
        let found = self.find("python3", "install Python 3, or run this server in a container")?;
        let asked = self.ask(&found, &["-I", "-c", "import sys; print(sys._base_executable)"]).await?;
        let program = PathBuf::from(asked);
        let read = own_files(&fs::canonicalize(&program)?);
        Ok(Python { program, read })
    }

    fn find(&self, name: &str, hint: &'static str) -> Result<PathBuf> {
        let shell = env_vars::get("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&shell).chain(self.search_path.iter().cloned());
        folders
            .find_map(|folder| Some(folder.join(name)).filter(|path| path.is_absolute() && path.is_file()))
            .ok_or_else(|| {
                Error::new(ErrorKind::RuntimeUnavailable, format!("`{name}` is not installed")).with_hint(hint)
            })
    }

    /// What an interpreter says of itself; it may be a script that needs its owner's environment.
    async fn ask(&self, program: &Path, args: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir("/");
        for name in ["PATH", "HOME"] {
            command.envs(env_vars::get(name).map(|value| (name, value)));
        }
        exec::detach(&mut command);
        let unusable = |why: String| {
            Error::new(ErrorKind::RuntimeUnavailable, format!("`{}` does not work", program.display()))
                .with_context("reason", why)
        };
        let done = run::to_end(&self.spawner, command, false, ANSWER).await?;
        let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        if done.success && Path::new(&text).is_absolute() { Ok(text) } else { Err(unusable(done.reason())) }
    }
}

/// What a program needs of its own: itself, the libraries beside it, the virtual environment that it is part of.
pub(super) fn own_files(program: &Path) -> Vec<Seen> {
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let mut seen = Vec::new();
    if !(real.starts_with("/usr") && program.starts_with("/usr")) {
        seen.push(Seen { path: real.clone(), named: program.to_owned() });
    }
    for path in [program, real.as_path()] {
        let Some(prefix) = path.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent) else {
            continue;
        };
        if fs::exists(&prefix.join("pyvenv.cfg")) {
            seen.push(Seen::own(prefix));
            // Its interpreter lies elsewhere.
            if let Ok(python) = fs::canonicalize(&prefix.join("bin/python"))
                && python != real
            {
                seen.extend(own_files(&python));
            }
        } else if prefix != Path::new("/") && !prefix.starts_with("/usr") && fs::exists(&prefix.join("lib")) {
            seen.extend(PARTS.iter().map(|part| prefix.join(part)).filter(|part| fs::exists(part)).map(Seen::own));
        }
    }
    seen.dedup();
    seen
}

/// Whether a file is a program of the kernel's own format and no script.
pub(super) fn is_binary(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}
