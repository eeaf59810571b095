//! What a process server is run from: a program, an npm package, a PyPI package.

mod install;
mod run;
mod tools;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::LazyKernel;
use super::ProcessRuntimeConfig;
use super::sandbox::Seen;
use super::spawner::Spawner;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::runtime::{Identity, PrepareProgress, ProcessPlan};
use crate::util::fs;
use install::Installed;
use tools::Tools;
use words::{Package, Registry, Wanted, What};

/// Folders of programs that every system has.
pub(super) const SYSTEM_PATH: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Finds programs and installs packages.
#[derive(Debug)]
pub(super) struct Packages {
    folder: PathBuf,
    gateway: String,
    kernel: LazyKernel,
    spawner: Arc<Spawner>,
    tools: Tools,
    require_isolation: bool,
    install_timeout: Duration,
    install_env: Vec<(String, SecretValue)>,
}

/// A program that is ready to run.
#[derive(Debug)]
pub(super) struct Program {
    /// What it is called in lists.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
    /// Files of its own that it has to read.
    pub(super) read: Vec<Seen>,
}

impl Packages {
    pub(super) fn new(
        folder: PathBuf,
        config: &ProcessRuntimeConfig,
        gateway: &str,
        kernel: &LazyKernel,
        spawner: &Arc<Spawner>,
    ) -> Self {
        Self {
            folder,
            gateway: gateway.to_owned(),
            kernel: Arc::clone(kernel),
            spawner: Arc::clone(spawner),
            tools: Tools::new(config.search_path.clone(), Arc::clone(spawner)),
            require_isolation: config.require_isolation,
            install_timeout: config.install_timeout,
            install_env: config.install_env.clone(),
        }
    }

    /// What would run: a package with its version, or a program with its size and age.
    pub(super) fn identify(&self, plan: &ProcessPlan) -> Result<Identity> {
        Ok(Identity::new(match Wanted::of(plan)?.what {
            What::Package(package, _) => {
                let installed = Installed::read(&self.place(&package));
                package.identity(installed.as_ref().map(|installed| installed.version.as_str()))
            }
            What::Program(name) => {
                let path = fs::canonicalize(&self.tools.program(&name)?)?;
                let meta = std::fs::metadata(&path).map_err(|cause| fs::io_error("read", &path, cause))?;
                let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                format!("{}:{}:{}", path.display(), meta.len(), changed.unwrap_or_default().as_millis())
            }
        }))
    }

    /// Installs what a plan needs, where it is missing.
    pub(super) async fn install(&self, plan: &ProcessPlan, progress: &dyn PrepareProgress) -> Result<()> {
        match Wanted::of(plan)?.what {
            What::Program(name) => self.tools.program(&name).map(|_| ()),
            What::Package(package, _) => self.ensure(&package, progress).await,
        }
    }

    /// The program of a plan, installed before.
    pub(super) async fn program(&self, plan: &ProcessPlan) -> Result<Program> {
        let Wanted { what, args } = Wanted::of(plan)?;
        let (package, wanted) = match what {
            What::Program(name) => {
                let path = self.tools.program(&name)?;
                return Ok(Program { name, read: tools::own_files(&path), path, args });
            }
            What::Package(package, wanted) => (package, wanted),
        };
        let place = self.place(&package);
        let installed = Installed::read(&place).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("package `{}` is not installed", package.requirement()))
                .with_hint("prepare the server first; that needs a network")
        })?;
        let script = place.join(choose(&package, &installed, wanted.as_deref())?);
        let interpreter = match package.registry {
            // Not by the first line of the script, which may name what the sandbox does not show.
            Registry::Npm if !tools::is_binary(&script) => Some(self.tools.node().await?),
            Registry::Npm => None,
            Registry::Pypi => Some(place.join("bin/python")),
        };
        let mut read = interpreter.iter().flat_map(|path| tools::own_files(path)).collect::<Vec<_>>();
        read.push(Seen::own(place));
        let name = package.identity(Some(&installed.version));
        Ok(match interpreter {
            None => Program { name, path: script, args, read },
            Some(path) => {
                let args = [vec![script.to_string_lossy().into_owned()], args].concat();
                Program { name, path, args, read }
            }
        })
    }

    fn place(&self, package: &Package) -> PathBuf {
        self.folder.join(package.registry.as_str()).join(package.folder())
    }
}

/// The program that is asked for, the only one, or the one with the package's name.
fn choose<'a>(package: &Package, installed: &'a Installed, wanted: Option<&str>) -> Result<&'a str> {
    let short = package.name.rsplit('/').next().unwrap_or(&package.name);
    let programs = &installed.programs;
    let chosen = match wanted {
        Some(wanted) => programs.get(wanted),
        None if programs.len() == 1 => programs.values().next(),
        None => programs.get(short),
    };
    chosen.map(String::as_str).ok_or_else(|| {
        let all: Vec<&str> = programs.keys().map(String::as_str).collect();
        let message = match wanted {
            Some(wanted) => format!("package `{}` has no program `{wanted}`", package.name),
            None => format!("package `{}` has no program of its own name", package.name),
        };
        Error::new(ErrorKind::NotFound, message)
            .with_context("programs", if all.is_empty() { "none".to_owned() } else { all.join(", ") })
            .with_hint("name one as `npx --package PACKAGE PROGRAM` or `uvx --from PACKAGE PROGRAM`")
    })
}

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
