//! Where the clients of a user and of a project keep their configuration.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::user_home;
use crate::util::env_vars;

/// A system, as far as it decides where files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum System {
    /// Linux and its relatives.
    Linux,
    /// macOS.
    Mac,
    /// Windows.
    Windows,
}

impl System {
    /// The system that this runs on.
    pub const fn this() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Mac
        } else {
            Self::Linux
        }
    }
}

/// The folders that clients' configurations are looked for in.
#[derive(Clone, Debug)]
pub struct Places {
    system: System,
    user: PathBuf,
    /// Folders that variables name: the variable's name, and its value.
    named: Vec<(&'static str, PathBuf)>,
}

/// The variables that clients take a folder from.
const VARIABLES: [&str; 5] = ["XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA", "CLAUDE_CONFIG_DIR", "CODEX_HOME"];

impl Places {
    /// The places of this process's user.
    ///
    /// # Errors
    /// `InvalidConfig` when the user's home folder is not known.
    pub fn locate() -> Result<Self> {
        let user = user_home().ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "the user's home folder is not known, where clients are configured")
        })?;
        let variables = VARIABLES.iter().filter_map(|name| Some((*name, PathBuf::from(env_vars::get(name)?))));
        // A relative one would mean another file from each folder.
        let named = variables.filter(|(_, folder)| folder.is_absolute()).collect();
        Ok(Self { system: System::this(), user, named })
    }

    /// The places of a user of a system whose home folder is this, without any variables.
    pub fn of(system: System, user: impl Into<PathBuf>) -> Self {
        Self { system, user: user.into(), named: Vec::new() }
    }

    /// The path of a pattern, such as `$XDG/zed/settings.json`; `None` where its folder is not on this system.
    ///
    /// `~` is the user's home, `$XDG` the folder for configuration on Linux, `$SUPPORT` the one of applications on macOS
    /// and on Windows; other words that begin with `$` are variables.
    pub(super) fn resolve(&self, pattern: &str) -> Option<PathBuf> {
        let (folder, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
        let named = |name: &str| self.named.iter().find(|(known, _)| *known == name).map(|(_, folder)| folder.clone());
        let base = match (folder, self.system) {
            ("~", _) => self.user.clone(),
            ("", _) => return (self.system != System::Windows).then(|| PathBuf::from(pattern)),
            ("$XDG", System::Windows) => self.user.join(".config"),
            ("$XDG", System::Linux) => named("XDG_CONFIG_HOME").unwrap_or_else(|| self.user.join(".config")),
            ("$XDG", System::Mac) => self.user.join(".config"),
            ("$SUPPORT", System::Mac) => self.user.join("Library/Application Support"),
            ("$SUPPORT", System::Windows) => named("APPDATA").unwrap_or_else(|| self.user.join("AppData/Roaming")),
            ("$SUPPORT", System::Linux) => named("XDG_CONFIG_HOME").unwrap_or_else(|| self.user.join(".config")),
            ("$APPDATA", System::Windows) => named("APPDATA").unwrap_or_else(|| self.user.join("AppData/Roaming")),
            ("$LOCALAPPDATA", System::Windows) => {
                named("LOCALAPPDATA").unwrap_or_else(|| self.user.join("AppData/Local"))
            }
            ("$APPDATA" | "$LOCALAPPDATA", _) => return None,
            (variable, _) => named(variable.strip_prefix('$')?)?,
        };
        Some(if rest.is_empty() { base } else { base.join(rest) })
    }

    /// Whether one of the patterns is there.
    pub(super) fn has_any(&self, patterns: &[&str]) -> bool {
        patterns.iter().filter_map(|pattern| self.resolve(pattern)).any(|path| path.exists())
    }

    /// The file that a client reads: the first that is there, else the first whose folder is, else the first.
    pub(super) fn first(&self, patterns: &[&str]) -> Option<PathBuf> {
        let paths: Vec<PathBuf> = patterns.iter().filter_map(|pattern| self.resolve(pattern)).collect();
        let there = paths.iter().find(|path| path.exists());
        let near = || paths.iter().find(|path| path.parent().is_some_and(Path::exists));
        there.or_else(near).or_else(|| paths.first()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_own_folders() {
        let of = |system, pattern| Places::of(system, "/u").resolve(pattern).map(|path| path.display().to_string());
        assert_eq!(of(System::Linux, "$XDG/zed/settings.json").unwrap(), "/u/.config/zed/settings.json");
        assert_eq!(of(System::Mac, "$SUPPORT/Claude/c.json").unwrap(), "/u/Library/Application Support/Claude/c.json");
        assert_eq!(of(System::Windows, "$SUPPORT/Claude/c.json").unwrap(), "/u/AppData/Roaming/Claude/c.json");
        assert_eq!(of(System::Linux, "~/.cursor").unwrap(), "/u/.cursor");
        assert_eq!(of(System::Linux, "$CODEX_HOME/config.toml"), None, "where the variable is not set");
        assert_eq!(of(System::Linux, "$LOCALAPPDATA/x"), None);
        assert_eq!(of(System::Mac, "/Applications/Zed.app").unwrap(), "/Applications/Zed.app");
    }
}
