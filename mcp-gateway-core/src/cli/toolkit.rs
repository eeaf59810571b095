//! `toolkit`: makes this binary a plugin of the Docker CLI, so that `docker mcp …` works.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::plugin::PLUGIN_NAME;
use super::report;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::{DockerOptions, user_home};
use crate::util::{env_vars, fs as files};

/// What is done with the plugin.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make `docker mcp …` run this binary
    #[command(after_help = "Examples:
  mcp-gateway toolkit install
  mcp-gateway toolkit install --copy        # stays as it is when this binary is replaced
  docker mcp version

The plugin goes to $DOCKER_CONFIG/cli-plugins, or to ~/.docker/cli-plugins.")]
    Install {
        /// Copy the binary and do not link to it
        #[arg(long)]
        copy: bool,
        /// Replace a plugin `mcp` of someone else
        #[arg(long)]
        force: bool,
    },
    /// Take the plugin away again
    #[command(after_help = "Example:
  mcp-gateway toolkit uninstall")]
    Uninstall {
        /// Remove a plugin `mcp` of someone else
        #[arg(long)]
        force: bool,
    },
}

impl Verb {
    /// `script` is the program that this command is, where that is not the binary of this process.
    pub(crate) fn run(self, docker: &DockerOptions, script: Option<PathBuf>) -> Result<()> {
        let plugin = plugin_path(docker)?;
        if let (Self::Install { copy: true, .. }, Some(script)) = (&self, &script) {
            return Err(Error::new(ErrorKind::Unsupported, "a script cannot be copied away from its package")
                .with_context("file", script.display())
                .with_hint("leave `--copy` out: a link to it is made"));
        }
        let binary = script.map_or_else(own_binary, |script| files::canonicalize(&script))?;
        match self {
            Self::Install { copy, force } => install(&plugin, &binary, copy, force),
            Self::Uninstall { force } => uninstall(&plugin, &binary, force),
        }
    }
}

fn install(plugin: &Path, binary: &Path, copy: bool, force: bool) -> Result<()> {
    refuse_foreign(plugin, binary, force)?;
    let folder = plugin.parent().unwrap_or(Path::new("."));
    files::create_dir_all(folder)?;
    // Put in place as one step: Docker may look at the folder at any time.
    let temporary = folder.join(format!(".{PLUGIN_NAME}.{}", crate::util::random::hex(6)?));
    let made = if copy { fs::copy(binary, &temporary).map(drop) } else { link(binary, &temporary) };
    made.and_then(|()| rename(&temporary, plugin)).map_err(|cause| {
        let _ = files::remove_file(&temporary);
        files::io_error("write", plugin, cause)
    })?;
    report::note(format_args!("installed {}; try `docker mcp version`", plugin.display()));
    Ok(())
}

fn uninstall(plugin: &Path, binary: &Path, force: bool) -> Result<()> {
    if fs::symlink_metadata(plugin).is_err() {
        report::note("the plugin is not installed");
        return Ok(());
    }
    refuse_foreign(plugin, binary, force)?;
    files::remove_file(plugin)?;
    report::note(format_args!("removed {}", plugin.display()));
    Ok(())
}

/// Refuses to touch a plugin that is not this binary: Docker ships one of the same name.
fn refuse_foreign(plugin: &Path, binary: &Path, force: bool) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(plugin) else { return Ok(()) };
    if force || is_own_link(plugin) || found.is_file() && is_same_file(plugin, binary) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::AlreadyExists, "another plugin `mcp` is installed")
        .with_operation("toolkit")
        .with_context("file", plugin.display())
        .with_hint("give `--force` to replace or remove it"))
}

/// A link to a binary of ours, be it one that was moved since.
fn is_own_link(plugin: &Path) -> bool {
    fs::read_link(plugin).is_ok_and(|target| target.file_stem().is_some_and(|name| name == "mcp-gateway"))
}

fn is_same_file(plugin: &Path, binary: &Path) -> bool {
    /// Larger than any build of this binary.
    const LIMIT: u64 = 512 * 1024 * 1024;
    let content = |path: &Path| files::read_bytes(path, LIMIT).ok().flatten();
    files::canonicalize(plugin).ok() == files::canonicalize(binary).ok() || content(plugin) == content(binary)
}

/// This binary; the link's target where it was called as the plugin.
fn own_binary() -> Result<PathBuf> {
    let path = std::env::current_exe()
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot find this binary").with_source(cause))?;
    files::canonicalize(&path)
}

fn plugin_path(docker: &DockerOptions) -> Result<PathBuf> {
    let config = docker.config.clone().or_else(|| env_vars::get("DOCKER_CONFIG")).map(PathBuf::from);
    let config = config.or_else(|| user_home().map(|home| home.join(".docker"))).ok_or_else(|| {
        Error::new(ErrorKind::InvalidConfig, "the folder of Docker's plugins is not known")
            .with_hint("set `DOCKER_CONFIG`")
    })?;
    Ok(config.join("cli-plugins").join(PLUGIN_NAME))
}

#[cfg(unix)]
fn link(binary: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(binary, at)
}

#[cfg(not(unix))]
fn link(binary: &Path, at: &Path) -> std::io::Result<()> {
    fs::copy(binary, at).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "a link and an executable are not written by `write_atomic`")]
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)
}
