//! Installs packages: with a network, without secrets, confined, and as a whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::run::{self, Finished};
use super::tools::Python;
use super::words::{Package, Registry};
use super::{Packages, tools};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::runtime::PrepareProgress;
use crate::runtime::process::sandbox::{Launch, Reach, Rules, Seen};
use crate::transport::client::Diagnostics;
use crate::util::{env_vars, fs, random};

/// The file that says that an installation is whole.
const MARK: &str = "installed.json";

/// What installers are told of the gateway's environment: the way to the network and the authorities that it trusts.
const PASSED: [&str; 16] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "NPM_CONFIG_REGISTRY",
    "PIP_CERT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "npm_config_registry",
];

/// What an installed PyPI package says of itself.
const PYTHON_METADATA: &str = "import importlib.metadata as m, json, sys
d = m.distribution(sys.argv[1])
scripts = [e.name for e in d.entry_points if e.group == 'console_scripts']
print(json.dumps({'version': d.version, 'programs': {s: 'bin/' + s for s in scripts}}))";

/// An installation that is whole.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) version: String,
    /// Its programs, by name, with their place in the folder.
    pub(super) programs: BTreeMap<String, String>,
    /// What it is called in lists.
    #[serde(default)]
    identity: String,
}

/// One installation under way.
struct Job<'a> {
    packages: &'a Packages,
    package: &'a Package,
    /// Where files go that become the installation.
    target: PathBuf,
    /// Where they will be.
    place: &'a Path,
    /// The installer's home.
    home: PathBuf,
    cache: PathBuf,
    until: Instant,
}

impl Installed {
    /// Reads the mark of an installation; `None` where there is no whole one.
    pub(super) fn read(place: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_optional(&place.join(MARK)).ok()??).ok()
    }
}

impl Packages {
    /// Installs a package where it is missing; one installation of it at a time, and nothing half-done is ever used.
    pub(super) async fn ensure(&self, package: &Package, progress: &dyn PrepareProgress) -> Result<()> {
        let place = self.place(package);
        let until = Instant::now() + self.install_timeout;
        let done = || Installed::read(&place).is_some();
        if done() {
            return Ok(());
        }
        self.kernel.require(&Reach::Open, self.require_isolation)?;
        let name = package.requirement();
        progress.update(&format!("waiting for other installations of `{name}`"), 0, 0);
        let Some(_lock) = lock(&place, until, done).await? else { return Ok(()) };
        progress.update(&format!("installing `{name}`"), 0, 0);
        let shelf = place.parent().unwrap_or(&self.folder);
        let partial = Partial(shelf.join(format!(".partial-{}-{}", self.gateway, random::hex(6)?)));
        let job = Job {
            packages: self,
            package,
            target: partial.0.join("package"),
            place: &place,
            home: partial.0.join("home"),
            cache: self.folder.join("cache").join(package.registry.as_str()),
            until,
        };
        let mut installed = job
            .run()
            .await
            .map_err(|error| error.with_operation("ProcessRuntime::prepare").with_context("package", &name))?;
        installed.identity = package.identity(Some(&installed.version));
        let mark = serde_json::to_vec_pretty(&installed)
            .map_err(|cause| Error::new(ErrorKind::Internal, "installation cannot be marked").with_source(cause))?;
        fs::write_atomic(&job.target.join(MARK), &mark)?;
        let target = job.target.clone();
        blocking(move || {
            // One without its mark is of no use to anyone.
            let _ = std::fs::remove_dir_all(&place);
            #[expect(clippy::disallowed_methods, reason = "a folder is moved into its place as one step")]
            std::fs::rename(&target, &place).map_err(|cause| fs::io_error("install", &place, cause))?;
            drop(partial);
            Ok(())
        })
        .await?;
        progress.update(&format!("installed `{name}` {}", installed.version), 1, 1);
        Ok(())
    }
}

impl Packages {
    /// Removes the installations of a package, and says whether there was one.
    pub(in crate::runtime::process) async fn discard(&self, identity: &str) -> Result<bool> {
        let until = Instant::now() + self.install_timeout;
        let mut removed = false;
        for registry in [Registry::Npm, Registry::Pypi] {
            for place in folders(&self.folder.join(registry.as_str()))? {
                let is_meant = || Installed::read(&place).is_some_and(|installed| installed.identity == identity);
                if !is_meant() {
                    continue;
                }
                // Another may have removed it while this waited.
                let Some(_lock) = lock(&place, until, || !is_meant()).await? else { continue };
                let gone = place.clone();
                blocking(move || std::fs::remove_dir_all(&gone).map_err(|cause| fs::io_error("remove", &gone, cause)))
                    .await?;
                removed = true;
            }
        }
        Ok(removed)
    }
}

/// The folders in a folder; none where there is no such folder.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    #[expect(clippy::disallowed_methods, reason = "folders, not files of a kind")]
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(fs::io_error("read", folder, cause)),
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

impl Job<'_> {
    async fn run(&self) -> Result<Installed> {
        for folder in [&self.target, &self.home, &self.cache] {
            fs::create_dir_all(folder)?;
        }
        match self.package.registry {
            Registry::Npm => self.npm().await,
            Registry::Pypi => self.pypi().await,
        }
    }

    async fn npm(&self) -> Result<Installed> {
        let npm = self.packages.tools.npm().await?;
        let words = ["install", "--global=false", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
        let mut args = vec![text(&npm.script)?];
        args.extend(words.map(str::to_owned));
        args.extend(["--omit=dev", "--no-update-notifier", "--loglevel=error", "--prefix"].map(str::to_owned));
        args.extend([text(&self.target)?, "--cache".to_owned(), text(&self.cache)?]);
        args.extend(["--".to_owned(), self.package.requirement()]);
        let done = self.confined(&npm.node, &args, &npm.read, &Reach::Open).await?;
        self.check(done, &npm.node)?;
        npm_manifest(&self.target, &self.package.name)
    }

    async fn pypi(&self) -> Result<Installed> {
        let python = self.packages.tools.python().await?;
        let target = text(&self.target)?;
        let venv = ["-I", "-m", "venv", "--without-pip", &target].map(str::to_owned);
        let done = self.confined(&python.program, &venv, &python.read, &Reach::Nothing).await?;
        self.check(done, &python.program)?;
        self.pip(&python).await?;
        let own = self.target.join("bin/python");
        let args = ["-c", PYTHON_METADATA, &self.package.name].map(str::to_owned);
        let done = self.confined(&own, &args, &python.read, &Reach::Nothing).await?;
        let told = serde_json::from_slice(&done.stdout).map_err(|_| self.failed(&done, &own))?;
        relocate(&self.target, self.place)?;
        Ok(told)
    }

    /// Installs by the pip of this machine; where it has none, or one too old, by the one that Python brings along.
    async fn pip(&self, python: &Python) -> Result<()> {
        let own = text(&self.target.join("bin/python"))?;
        let requirement = self.package.requirement();
        let install = ["install", "--quiet", "--no-input", "--disable-pip-version-check", "--", &requirement];
        let words =
            |first: &[&str], rest: &[&str]| [first, rest].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let args = words(&["-I", "-m", "pip", "--python", &own], &install);
        let done = self.confined(&python.program, &args, &python.read, &Reach::Open).await?;
        let useless = |line: &String| line.contains("No module named pip") || line.contains("no such option: --python");
        if done.success || !done.stderr.iter().any(useless) {
            return self.check(done, &python.program);
        }
        let own = self.target.join("bin/python");
        for (args, reach) in [
            (words(&["-I", "-m", "ensurepip", "--default-pip"], &[]), Reach::Nothing),
            (words(&["-I", "-m", "pip"], &install), Reach::Open),
        ] {
            let done = self.confined(&own, &args, &python.read, &reach).await?;
            self.check(done, &own)?;
        }
        Ok(())
    }

    /// Runs an installer that sees itself, its target and its cache: what a package brings may be anything.
    async fn confined(&self, program: &Path, args: &[String], read: &[Seen], reach: &Reach) -> Result<Finished> {
        let mut read = read.to_vec();
        read.extend(tools::own_files(program));
        let env = self.environment(program);
        for (_, value) in env.iter().filter(|(name, _)| name.contains("CERT") || name.contains("BUNDLE")) {
            let path = Path::new(value.expose());
            read.extend((path.is_absolute() && path.exists()).then(|| Seen::own(path)));
        }
        let write = [Seen::own(&self.target), Seen::own(&self.cache)];
        let home = Seen::own(&self.home).path;
        let rules = Rules { read: &read, write: &write, files: &[], reach, limits: None, own: &home };
        let prepared = self.packages.kernel.prepare(&rules, &Launch { program, args, env: &env })?;
        let contained = prepared.contained;
        let mut command = prepared.command();
        command.current_dir(&home);
        let left = self.until.saturating_duration_since(Instant::now());
        run::to_end(&self.packages.spawner, command, contained, left).await
    }

    fn environment(&self, program: &Path) -> Vec<(String, SecretValue)> {
        let mut path: Vec<PathBuf> = program.parent().map(Path::to_owned).into_iter().collect();
        path.extend(super::SYSTEM_PATH.map(PathBuf::from));
        let home = self.home.to_string_lossy().into_owned();
        let own = [
            ("PATH", super::join(&path).to_string_lossy().into_owned()),
            ("HOME", home.clone()),
            ("TMPDIR", home),
            ("LANG", "C.UTF-8".to_owned()),
            ("PIP_CACHE_DIR", self.cache.to_string_lossy().into_owned()),
        ];
        let passed = PASSED.iter().filter_map(|&name| Some((name, env_vars::get(name)?)));
        let all = own.into_iter().chain(passed).map(|(name, value)| (name.to_owned(), SecretValue::new(value)));
        all.chain(self.packages.install_env.iter().cloned()).collect()
    }

    fn check(&self, done: Finished, program: &Path) -> Result<()> {
        if done.success { Ok(()) } else { Err(self.failed(&done, program)) }
    }

    /// What went wrong, by what installers print; without what the environment may hold of passwords.
    fn failed(&self, done: &Finished, program: &Path) -> Error {
        let holds = |words: &[&str]| done.stderr.iter().any(|line| words.iter().any(|word| line.contains(word)));
        let (kind, message, hint) = if holds(&UNREACHABLE) {
            (ErrorKind::Network, "registry of packages cannot be reached", "check the network and the proxy settings")
        } else if holds(&UNKNOWN) {
            (
                ErrorKind::NotFound,
                "there is no such package or version",
                "check its name and version in the catalog entry",
            )
        } else {
            (ErrorKind::StartFailed, "package could not be installed", "run this server in a container instead")
        };
        let secrets = self.environment(program).into_iter().filter(|(name, value)| {
            value.expose().contains('@') || self.packages.install_env.iter().any(|(own, _)| own == name)
        });
        let reason = Diagnostics::new(secrets.map(|(_, value)| value).collect()).redact(&done.reason());
        Error::new(kind, message).with_context("reason", reason).with_hint(hint)
    }
}

const UNREACHABLE: [&str; 9] = [
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "ENOTFOUND",
    "ETIMEDOUT",
    "ConnectTimeout",
    "Failed to establish a new connection",
    "NewConnectionError",
];

const UNKNOWN: [&str; 4] = ["E404", "ETARGET", "No matching distribution found", "notarget"];

/// Holds the right to install at a place; `None` when it was done while waiting.
async fn lock(place: &Path, until: Instant, done: impl Fn() -> bool + Send) -> Result<Option<fs::FileLock>> {
    loop {
        let path = place.to_owned();
        match blocking(move || fs::FileLock::acquire(&path)).await {
            Ok(lock) => return Ok((!done()).then_some(lock)),
            Err(error) if error.kind() == ErrorKind::Conflict && Instant::now() < until => {}
            Err(error) => return Err(error),
        }
        if done() {
            return Ok(None);
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(ErrorKind::Internal, "work on files was cut off").with_source(cause))?
}

/// What an installed npm package says of itself.
fn npm_manifest(target: &Path, name: &str) -> Result<Installed> {
    let relative = Path::new("node_modules").join(name);
    let broken = || Error::new(ErrorKind::StartFailed, "package has a broken manifest").with_context("package", name);
    let manifest = fs::read_to_string(&target.join(&relative).join("package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).map_err(|cause| broken().with_source(cause))?;
    let version = manifest["version"].as_str().ok_or_else(broken)?.to_owned();
    let short = name.rsplit('/').next().unwrap_or(name);
    let programs = match &manifest["bin"] {
        serde_json::Value::String(script) => vec![(short, script.as_str())],
        serde_json::Value::Object(scripts) => {
            scripts.iter().filter_map(|(name, script)| Some((name.as_str(), script.as_str()?))).collect()
        }
        _ => Vec::new(),
    };
    let inside = |script: &str| {
        Path::new(script)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
    };
    let programs = programs
        .into_iter()
        .filter(|(_, script)| inside(script))
        .map(|(name, script)| (name.to_owned(), relative.join(script).to_string_lossy().into_owned()));
    Ok(Installed { version, programs: programs.collect(), identity: String::new() })
}

/// Writes the place that a virtual environment will have into its programs, which carry their own.
fn relocate(folder: &Path, place: &Path) -> Result<()> {
    let (from, to) = (text(folder)?, text(place)?);
    #[expect(clippy::disallowed_methods, reason = "the files of a virtual environment, just written")]
    let rewrite = || -> std::io::Result<()> {
        let programs = std::fs::read_dir(folder.join("bin"))?.map(|entry| entry.map(|entry| entry.path()));
        for path in programs.chain([Ok(folder.join("pyvenv.cfg"))]) {
            let path = path?;
            // Programs that are no text name no place; the interpreter is a link.
            if path.is_symlink() || tools::is_binary(&path) {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if text.contains(&from) {
                // Keeps the mode, which says that it can be run.
                std::fs::write(&path, text.replace(&from, &to))?;
            }
        }
        Ok(())
    };
    rewrite().map_err(|cause| fs::io_error("install", place, cause))
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidConfig, "path of packages is not valid UTF-8").with_context("path", path.display())
    })
}

/// A folder under way, removed in the end; what remains of one that was cut off goes with the next sweep.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        let remove = move || {
            // An installer that was just killed may still be ending.
            for _ in 0..REMOVALS {
                if !path.exists() || std::fs::remove_dir_all(&path).is_ok() {
                    return;
                }
                std::thread::sleep(REMOVAL_PAUSE);
            }
        };
        // Dropped where nobody may be held up; without a thread the sweep has to do.
        let _ = std::thread::Builder::new().name("mcp-gateway-tidy".to_owned()).spawn(remove);
    }
}

const REMOVALS: usize = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(20);
