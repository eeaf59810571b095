//! What a process server is run from: a program, an npm package, a PyPI package.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;

use super::ProcessRuntimeConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProcessPackage;
use crate::runtime::{Identity, PrepareProgress, ProcessPlan};
use crate::util::{env_vars, fs};

/// Finds and installs packages.
#[derive(Debug)]
pub(super) struct Packages {
    folder: PathBuf,
    search_path: Vec<PathBuf>,
}

/// A program that is ready to run.
#[derive(Debug)]
pub(super) struct Program {
    /// What it is called in lists.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
    /// Files of its own that it has to read.
    pub(super) read: Vec<PathBuf>,
}

/// What is asked for, with the words of `npx`, `uvx` and `pipx` understood.
enum Wanted {
    Program(String),
    Npm(String),
    Pypi { package: String, program: Option<String> },
}

impl Packages {
    pub(super) fn new(config: &ProcessRuntimeConfig) -> Self {
        Self { folder: config.folder.join("packages"), search_path: config.search_path.clone() }
    }

    /// What would run: a package with its version, or a program with its size and age.
    pub(super) fn identify(&self, plan: &ProcessPlan) -> Result<Identity> {
        let (wanted, _) = wanted(plan);
        Ok(Identity::new(match wanted {
            Wanted::Npm(package) => format!("npm:{package}"),
            Wanted::Pypi { package, .. } => format!("pypi:{package}"),
            Wanted::Program(name) => {
                let path = self.find(&name)?;
                let meta = std::fs::metadata(&path).map_err(|cause| fs::io_error("read", &path, cause))?;
                let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                format!("{}:{}:{}", path.display(), meta.len(), changed.unwrap_or_default().as_millis())
            }
        }))
    }

    /// Installs a package where it is missing; one installation at a time, and nothing half-done is ever used.
    pub(super) async fn install(&self, plan: &ProcessPlan, progress: Arc<dyn PrepareProgress>) -> Result<()> {
        let (wanted, _) = wanted(plan);
        let (kind, package) = match &wanted {
            Wanted::Program(_) => return Ok(()),
            Wanted::Npm(package) => ("npm", package),
            Wanted::Pypi { package, .. } => ("pypi", package),
        };
        let folder = self.folder_of(kind, package)?;
        if fs::exists(&folder) {
            return Ok(());
        }
        let locked = folder.clone();
        let lock = tokio::task::spawn_blocking(move || fs::FileLock::acquire(&locked)).await;
        let _lock = lock.map_err(|cause| Error::new(ErrorKind::Internal, "lock was lost").with_source(cause))??;
        if fs::exists(&folder) {
            return Ok(());
        }
        progress.update(&format!("installing {kind} package {package}"), 0, 0);
        let partial = Partial(folder.with_extension("partial"));
        // A name that is left from an installation that was cut off.
        let _ = std::fs::remove_dir_all(&partial.0);
        fs::create_dir_all(&partial.0)?;
        match kind {
            "npm" => self.install_npm(&partial.0, package).await?,
            _ => self.install_pypi(&partial.0, &folder, package).await?,
        }
        #[expect(clippy::disallowed_methods, reason = "a folder is moved into its place as one step")]
        std::fs::rename(&partial.0, &folder).map_err(|cause| fs::io_error("install", &folder, cause))?;
        progress.update(&format!("installed {package}"), 1, 1);
        Ok(())
    }

    /// The program of a plan, installed before.
    pub(super) fn program(&self, plan: &ProcessPlan) -> Result<Program> {
        let (wanted, args) = wanted(plan);
        match wanted {
            Wanted::Program(name) => {
                let path = self.find(&name)?;
                let mut read = beside(&path);
                read.push(path.clone());
                Ok(Program { name, path, args, read })
            }
            Wanted::Npm(package) => {
                let folder = self.folder_of("npm", &package)?;
                let script = npm_script(&folder, npm_name(&package))?;
                let node = self.tool("node")?;
                let mut read = beside(&node);
                read.push(folder);
                let args = [vec![script.display().to_string()], args].concat();
                Ok(Program { name: format!("npm:{package}"), path: node, args, read })
            }
            Wanted::Pypi { package, program } => {
                let folder = self.folder_of("pypi", &package)?;
                let bare = pypi_name(&package).to_owned();
                let path = folder.join("bin").join(program.as_deref().unwrap_or(&bare));
                if !fs::exists(&path) {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("package `{package}` has no program `{}`", program.unwrap_or(bare)),
                    )
                    .with_hint("name the program as `uvx --from PACKAGE PROGRAM`"));
                }
                let mut read = beside(&fs::canonicalize(&folder.join("bin/python3"))?);
                read.push(folder);
                Ok(Program { name: format!("pypi:{package}"), path, args, read })
            }
        }
    }

    async fn install_npm(&self, folder: &Path, package: &str) -> Result<()> {
        let npm = self.tool("npm")?;
        let mut command = self.installer(&npm);
        command
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"])
            .arg(folder)
            .arg("--")
            .arg(package);
        run(command, package).await
    }

    async fn install_pypi(&self, folder: &Path, place: &Path, package: &str) -> Result<()> {
        let python = self.tool("python3")?;
        let mut venv = self.installer(&python);
        // Programs of a venv carry its path in their first line, so pip is told the place where it will be.
        venv.args(["-m", "venv", "--without-pip"]).arg(folder);
        run(venv, package).await?;
        let mut pip = self.installer(&python);
        pip.args(["-m", "pip", "--python"]).arg(folder.join("bin/python3"));
        pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--"]).arg(package);
        run(pip, package).await?;
        relocate(folder, place)
    }

    /// A command with what a package manager needs of the environment: its configuration and its way to the network.
    fn installer(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        for name in PASSED {
            if let Some(value) = env_vars::get(name) {
                command.env(name, value);
            }
        }
        command
    }

    fn folder_of(&self, kind: &str, package: &str) -> Result<PathBuf> {
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '/' | '.' | '_' | '-' | '=' | '[' | ']' | ',');
        if package.is_empty()
            || package.starts_with(['-', '/', '.'])
            || !package.chars().all(allowed)
            || package.contains("..")
        {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("`{package}` is not a package of {kind}")));
        }
        Ok(self.folder.join(kind).join(package.replace('/', "+")))
    }

    /// A program by its path or name.
    fn find(&self, name: &str) -> Result<PathBuf> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("program `{name}` is not there"))
                .with_context("looked in", join(&self.search_path).to_string_lossy())
                .with_hint("install it, or write its absolute path in the catalog entry")
        };
        if name.starts_with('/') {
            return fs::canonicalize(Path::new(name)).map_err(|_| missing());
        }
        if name.contains('/') {
            return Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("program `{name}` is neither a name nor an absolute path"),
            ));
        }
        self.search_path.iter().map(|folder| folder.join(name)).find(|path| fs::exists(path)).ok_or_else(missing)
    }

    /// A tool of the machine's owner, looked up as the owner's shell would.
    fn tool(&self, name: &str) -> Result<PathBuf> {
        let own = env_vars::get("PATH").unwrap_or_default();
        let found = std::env::split_paths(&own).map(|folder| folder.join(name)).find(|path| fs::exists(path));
        match found {
            Some(path) if name == "npm" => Ok(path),
            Some(path) => fs::canonicalize(&path),
            None => self.find(name),
        }
    }
}

/// What package managers are told of the environment.
const PASSED: [&str; 14] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "NODE_EXTRA_CA_CERTS",
];

impl Program {
    /// The server's own `PATH`.
    pub(super) fn search_path(&self, folders: &[PathBuf]) -> OsString {
        let own = self.path.parent().map(Path::to_owned);
        join(&own.into_iter().chain(folders.iter().cloned()).collect::<Vec<_>>())
    }
}

fn join(folders: &[PathBuf]) -> OsString {
    std::env::join_paths(folders).unwrap_or_default()
}

/// Reads `npx`, `uvx` and `pipx run` as the packages that they name.
fn wanted(plan: &ProcessPlan) -> (Wanted, Vec<String>) {
    let args = &plan.args;
    let name = match &plan.package {
        ProcessPackage::Npm(package) => return (Wanted::Npm(package.clone()), args.clone()),
        ProcessPackage::Pypi(package) => {
            return (Wanted::Pypi { package: package.clone(), program: None }, args.clone());
        }
        ProcessPackage::Command(name) => name,
    };
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let rest = |from: usize| args[from..].to_vec();
    match (name.as_str(), words.as_slice()) {
        ("npx", ["-y" | "--yes", package, ..]) => (Wanted::Npm((*package).to_owned()), rest(2)),
        ("npx", [package, ..]) if !package.starts_with('-') => (Wanted::Npm((*package).to_owned()), rest(1)),
        ("uvx", ["--from", package, program, ..]) => {
            (Wanted::Pypi { package: (*package).to_owned(), program: Some((*program).to_owned()) }, rest(3))
        }
        ("pipx", ["run", "--spec", package, program, ..]) => {
            (Wanted::Pypi { package: (*package).to_owned(), program: Some((*program).to_owned()) }, rest(4))
        }
        ("uvx", [package, ..]) if !package.starts_with('-') => {
            (Wanted::Pypi { package: (*package).to_owned(), program: None }, rest(1))
        }
        ("pipx", ["run", package, ..]) if !package.starts_with('-') => {
            (Wanted::Pypi { package: (*package).to_owned(), program: None }, rest(2))
        }
        _ => (Wanted::Program(name.clone()), args.clone()),
    }
}

/// `@scope/name` of `@scope/name@version`.
fn npm_name(package: &str) -> &str {
    match package[1..].find('@') {
        Some(at) => &package[..=at],
        None => package,
    }
}

/// `name` of `name[extra]==version`.
fn pypi_name(package: &str) -> &str {
    package.split(['[', '=', '<', '>', '~', '!']).next().unwrap_or(package)
}

/// The script that `npx` would run: the only program of a package, or the one with its name.
fn npm_script(folder: &Path, name: &str) -> Result<PathBuf> {
    let package = folder.join("node_modules").join(name);
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(&package.join("package.json"))?)
        .map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, format!("package `{name}` has a broken manifest")).with_source(cause)
        })?;
    let short = name.rsplit('/').next().unwrap_or(name);
    let script = match &manifest["bin"] {
        serde_json::Value::String(script) => Some(script.as_str()),
        serde_json::Value::Object(scripts) if scripts.len() == 1 => {
            scripts.values().next().and_then(|script| script.as_str())
        }
        serde_json::Value::Object(scripts) => scripts.get(short).and_then(|script| script.as_str()),
        _ => None,
    };
    script
        .map(|script| package.join(script))
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("package `{name}` has no program to run")))
}

/// The folders with an interpreter's own files, where it is not one of the system's.
fn beside(program: &Path) -> Vec<PathBuf> {
    let Some(prefix) = program.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent) else {
        return Vec::new();
    };
    if prefix == Path::new("/") || prefix == Path::new("/usr") || !fs::exists(&prefix.join("lib")) {
        return Vec::new();
    }
    ["bin", "lib", "lib64"].map(|folder| prefix.join(folder)).into_iter().filter(|folder| fs::exists(folder)).collect()
}

/// Writes the place that a venv will have into the first lines of its programs.
fn relocate(folder: &Path, place: &Path) -> Result<()> {
    let (from, to) = (folder.display().to_string(), place.display().to_string());
    #[expect(clippy::disallowed_methods, reason = "a venv's own files, just written by pip")]
    let rewrite = || -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder.join("bin"))? {
            let path = entry?.path();
            if path.is_symlink() {
                continue;
            }
            // Programs that are no text name no place.
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if text.contains(&from) {
                let mode = std::fs::metadata(&path)?.permissions();
                std::fs::write(&path, text.replace(&from, &to))?;
                std::fs::set_permissions(&path, mode)?;
            }
        }
        Ok(())
    };
    rewrite().map_err(|cause| fs::io_error("install", place, cause))
}

async fn run(mut command: Command, package: &str) -> Result<()> {
    let failed = |why: String| {
        Error::new(ErrorKind::StartFailed, format!("package `{package}` could not be installed"))
            .with_context("reason", why)
            .with_hint("check the package's name and version, and that its registry can be reached")
    };
    let output = command.output().await.map_err(|cause| failed(cause.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(failed(tail[tail.len().saturating_sub(3)..].join(" | ").chars().take(600).collect()))
}

/// A folder under way; removed unless it was moved into its place.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str, args: &[&str]) -> (String, Vec<String>) {
        let mut plan = ProcessPlan::new(ProcessPackage::Command(command.to_owned()));
        plan.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (wanted, rest) = wanted(&plan);
        let text = match wanted {
            Wanted::Program(name) => name,
            Wanted::Npm(package) => format!("npm:{package}"),
            Wanted::Pypi { package, program } => format!("pypi:{package}:{}", program.unwrap_or_default()),
        };
        (text, rest)
    }

    #[test]
    fn runners_are_read_as_the_packages_that_they_name() {
        assert_eq!(read("npx", &["-y", "@a/b@1", "x"]), ("npm:@a/b@1".to_owned(), vec!["x".to_owned()]));
        assert_eq!(read("npx", &["b"]).0, "npm:b");
        assert_eq!(read("uvx", &["mcp-server-time"]).0, "pypi:mcp-server-time:");
        assert_eq!(read("uvx", &["--from", "a==1", "run", "y"]), ("pypi:a==1:run".to_owned(), vec!["y".to_owned()]));
        assert_eq!(read("pipx", &["run", "a"]).0, "pypi:a:");
        assert_eq!(read("python3", &["-m", "x"]).0, "python3");
    }

    #[test]
    fn names_without_versions() {
        assert_eq!(npm_name("@a/b@1.2"), "@a/b");
        assert_eq!(npm_name("b@1"), "b");
        assert_eq!(npm_name("@a/b"), "@a/b");
        assert_eq!(pypi_name("a[x]==1"), "a");
    }
}
