//! What a plan asks for, with the words of `npx`, `uvx` and `pipx` understood.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ProcessPackage;
use crate::runtime::ProcessPlan;

/// What is to be run, and with which arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) what: What,
    pub(super) args: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A program of this machine, by name or path.
    Program(String),
    /// A package, and which of its programs.
    Package(Package, Option<String>),
}

/// Where a package is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registry {
    Npm,
    Pypi,
}

/// A package of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) registry: Registry,
    pub(super) name: String,
    /// Optional parts of a PyPI package, with their brackets.
    extras: String,
    /// Its version, or the condition on it; empty for the newest.
    version: String,
}

impl Wanted {
    /// Reads a plan.
    ///
    /// # Errors
    /// `InvalidConfig` for a package that is none of its registry, and for an option of a runner that means something here
    /// but is not known.
    pub(super) fn of(plan: &ProcessPlan) -> Result<Self> {
        let args = || plan.args.clone();
        let command = match &plan.package {
            ProcessPackage::Npm(package) => {
                return Ok(Self { what: What::Package(Package::npm(package)?, None), args: args() });
            }
            ProcessPackage::Pypi(package) => {
                return Ok(Self { what: What::Package(Package::pypi(package)?, None), args: args() });
            }
            ProcessPackage::Command(command) => command,
        };
        let words: Vec<&str> = plan.args.iter().map(String::as_str).collect();
        let name = Path::new(command).file_name().and_then(|name| name.to_str()).unwrap_or(command);
        match (name, words.as_slice()) {
            ("npx", words) => NPX.read(words),
            ("uvx", words) | ("uv", ["tool", "run", words @ ..]) => UVX.read(words),
            ("pipx", ["run", words @ ..]) => PIPX.read(words),
            _ => Ok(Self { what: What::Program(command.clone()), args: args() }),
        }
    }
}

/// The options of a program that runs packages.
struct Runner {
    name: &'static str,
    package: fn(&str) -> Result<Package>,
    /// Options that change nothing here.
    idle: &'static [&'static str],
    /// Options that name the package, after which the first word is a program of it.
    from: &'static [&'static str],
}

const NPX: Runner =
    Runner { name: "npx", package: Package::npm, idle: &["-y", "--yes", "-q", "--quiet"], from: &["-p", "--package"] };
const UVX: Runner = Runner {
    name: "uvx",
    package: Package::pypi,
    idle: &["-q", "--quiet", "--isolated", "--no-progress"],
    from: &["--from"],
};
const PIPX: Runner =
    Runner { name: "pipx run", package: Package::pypi, idle: &["-q", "--quiet", "--no-cache"], from: &["--spec"] };

impl Runner {
    fn read(&self, words: &[&str]) -> Result<Wanted> {
        let mut package = None;
        let mut words = words.iter().copied();
        let first = loop {
            let word = words.next().ok_or_else(|| self.wrong("names no package"))?;
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            if self.from.contains(&option) {
                let value = value.or_else(|| words.next()).ok_or_else(|| self.wrong("names no package"))?;
                package = Some((self.package)(value)?);
            } else if word == "--" {
                break words.next().ok_or_else(|| self.wrong("names no package"))?;
            } else if !word.starts_with('-') {
                break word;
            } else if !self.idle.contains(&word) {
                return Err(self
                    .wrong(&format!("has option `{word}`, which is not known here"))
                    .with_hint("write the package itself in the catalog entry, as `npm:` or `pypi:`"));
            }
        };
        let what = match package {
            Some(package) => What::Package(package, Some(first.to_owned())),
            None => What::Package((self.package)(first)?, None),
        };
        Ok(Wanted { what, args: words.map(str::to_owned).collect() })
    }

    fn wrong(&self, why: &str) -> Error {
        Error::new(ErrorKind::InvalidConfig, format!("`{}` {why}", self.name))
    }
}

impl Package {
    /// Reads `name`, `name@version`, `@scope/name@version`.
    pub(super) fn npm(text: &str) -> Result<Self> {
        let wrong = || not_a_package(text, "npm", "name@1.2.3");
        let at = text.get(1..).and_then(|rest| rest.find('@')).map(|at| at + 1);
        let (name, version) = at.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        let bare = match name.strip_prefix('@') {
            Some(scoped) => {
                let (scope, bare) = scoped.split_once('/').ok_or_else(wrong)?;
                if !is_name(scope) {
                    return Err(wrong());
                }
                bare
            }
            None => name,
        };
        if !is_name(bare) || (at.is_some() && version.is_empty()) || !version.chars().all(in_version) {
            return Err(wrong());
        }
        let version = if version == "latest" { "" } else { version };
        Ok(Self { registry: Registry::Npm, name: name.to_owned(), extras: String::new(), version: version.to_owned() })
    }

    /// Reads `name`, `name==version`, `name[extra]>=version`, and `name@version` as `uvx` writes it.
    pub(super) fn pypi(text: &str) -> Result<Self> {
        let wrong = || not_a_package(text, "PyPI", "name==1.2.3");
        let end = text.find(|c: char| !in_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let (extras, condition) = match rest.find(']') {
            Some(close) if rest.starts_with('[') => rest.split_at(close + 1),
            _ => ("", rest),
        };
        let fits = extras.chars().all(|c| in_name(c) || matches!(c, '[' | ']' | ','));
        let version = match condition.strip_prefix('@') {
            Some("latest") => String::new(),
            Some(version) => format!("=={version}"),
            None => condition.to_owned(),
        };
        let operated = version.is_empty() || version.starts_with(['=', '<', '>', '~', '!']);
        let (empty, all) = (version.ends_with(['=', '<', '>', '~']), version.chars().all(in_version));
        if !is_name(name) || !fits || !operated || empty || !all || condition == "@" {
            return Err(wrong());
        }
        Ok(Self { registry: Registry::Pypi, name: name.to_owned(), extras: extras.to_owned(), version })
    }

    /// The package in the words of its registry's installer.
    pub(super) fn requirement(&self) -> String {
        match self.registry {
            Registry::Npm if self.version.is_empty() => format!("{}@latest", self.name),
            Registry::Npm => format!("{}@{}", self.name, self.version),
            Registry::Pypi => format!("{}{}{}", self.name, self.extras, self.version),
        }
    }

    /// The one version that is asked for; `None` where several would do.
    pub(super) fn pinned(&self) -> Option<&str> {
        let version = match self.registry {
            Registry::Npm => self.version.as_str(),
            Registry::Pypi => self.version.strip_prefix("==")?,
        };
        let parts = version.split(['-', '+']).next().unwrap_or_default().split('.');
        let exact = parts.clone().all(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        (exact && (self.registry == Registry::Pypi || parts.count() == 3)).then_some(version)
    }

    /// What is run, exactly, as far as it is known.
    pub(super) fn identity(&self, installed: Option<&str>) -> String {
        match (self.registry, self.pinned().or(installed)) {
            (Registry::Npm, Some(version)) => format!("npm:{}@{version}", self.name),
            (Registry::Pypi, Some(version)) => format!("pypi:{}{}=={version}", self.name, self.extras),
            (Registry::Npm, None) => format!("npm:{}", self.requirement()),
            (Registry::Pypi, None) => format!("pypi:{}", self.requirement()),
        }
    }

    /// A name for its folder that no other package has.
    pub(super) fn folder(&self) -> String {
        self.requirement().replace('/', "+")
    }
}

impl Registry {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        }
    }
}

fn not_a_package(text: &str, registry: &str, example: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("`{text}` is not a package of {registry}"))
        .with_hint(format!("write it as `{example}`; addresses and folders are not installed"))
}

/// Names that no installer takes for an option, an address or a path.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(in_name)
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn in_version(c: char) -> bool {
    in_name(c) || matches!(c, '+' | '!' | '*' | ',' | '<' | '>' | '=' | '~' | '^')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str, args: &[&str]) -> Result<(String, Vec<String>)> {
        let mut plan = ProcessPlan::new(ProcessPackage::Command(command.to_owned()));
        plan.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let wanted = Wanted::of(&plan)?;
        let what = match wanted.what {
            What::Program(name) => name,
            What::Package(package, None) => package.identity(None),
            What::Package(package, Some(program)) => format!("{} {program}", package.identity(None)),
        };
        Ok((what, wanted.args))
    }

    #[test]
    fn runners_are_read_as_the_packages_that_they_name() {
        for (command, args, what, rest) in [
            ("npx", &["-y", "@a/b@1.0.0", "x"][..], "npm:@a/b@1.0.0", &["x"][..]),
            ("npx", &["b"], "npm:b@latest", &[]),
            ("/usr/bin/npx", &["--yes", "--package=@a/b", "run", "-y"], "npm:@a/b@latest run", &["-y"]),
            ("npx", &["-p", "b@2", "--", "run"], "npm:b@2 run", &[]),
            ("uvx", &["mcp-server-time", "--utc"], "pypi:mcp-server-time", &["--utc"]),
            ("uvx", &["a@1.2"], "pypi:a==1.2", &[]),
            ("uvx", &["--from", "a[x]==1.0", "run", "y"], "pypi:a[x]==1.0 run", &["y"]),
            ("uv", &["tool", "run", "a@latest"], "pypi:a", &[]),
            ("pipx", &["run", "--spec=a>=1", "b"], "pypi:a>=1 b", &[]),
            ("pipx", &["run", "a"], "pypi:a", &[]),
            ("python3", &["-m", "x"], "python3", &["-m", "x"]),
            ("uv", &["run", "x"], "uv", &["run", "x"]),
        ] {
            let (read, args) = read(command, args).unwrap();
            assert_eq!(
                (read.as_str(), args.as_slice()),
                (what, rest.iter().map(|&s| s.to_owned()).collect::<Vec<_>>().as_slice())
            );
        }
    }

    #[test]
    fn what_a_runner_would_do_and_we_would_not_is_an_error() {
        for (command, args) in [
            ("npx", &["-c", "rm -rf /"][..]),
            ("npx", &[]),
            ("npx", &["--registry=http://evil", "a"]),
            ("npx", &["https://evil/x.tgz"]),
            ("npx", &["git+ssh://x/y"]),
            ("npx", &["./local"]),
            ("npx", &["a@file:/etc"]),
            ("uvx", &["--with", "b", "a"]),
            ("uvx", &["--index-url=http://evil", "a"]),
            ("uvx", &["a @ https://evil/x"]),
            ("uvx", &["a=="]),
            ("pipx", &["run", "/x"]),
        ] {
            assert_eq!(read(command, args).unwrap_err().kind(), ErrorKind::InvalidConfig, "{command} {args:?}");
        }
    }

    #[test]
    fn only_a_whole_version_pins() {
        let npm = |text| Package::npm(text).unwrap().pinned().map(str::to_owned);
        assert_eq!(npm("a@1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(npm("a@1.2.3-beta.1").as_deref(), Some("1.2.3-beta.1"));
        assert_eq!([npm("a"), npm("a@1"), npm("a@^1.2.3"), npm("a@next"), npm("a@1.2.x")], [const { None }; 5]);
        let pypi = |text| Package::pypi(text).unwrap().pinned().map(str::to_owned);
        assert_eq!(pypi("a==2025.9.25").as_deref(), Some("2025.9.25"));
        assert_eq!([pypi("a"), pypi("a>=1"), pypi("a==1.*")], [const { None }; 3]);
    }

    #[test]
    fn different_packages_have_different_folders() {
        let npm = |text| Package::npm(text).unwrap().folder();
        assert_eq!(npm("@a/b@1.2.3"), "@a+b@1.2.3");
        assert_ne!(npm("a@1.2.3"), npm("a@1.2.4"));
    }
}
