//! The folders of doors, with the sockets that containers are shown.
#![expect(clippy::disallowed_methods, reason = "modes matter here, and what is removed need not be there")]

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{GatewayInstance, folders};
use crate::util::{self, random};

/// Where the doors of a home are, in the folder that its gateways share.
const DOORS: &str = "egress";

/// The name of the socket in its folder.
pub(super) const SOCKET: &str = "egress.sock";

/// The folder of one door. The folder of all doors is the user's alone; this one is seen by the server it is shown to.
/// Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder, which everybody may look into who sees it.
    ///
    /// # Errors
    /// `Io`, naming the path.
    pub(crate) fn new(instance: &GatewayInstance) -> Result<Self> {
        let doors = util::fs::canonicalize(instance.folder())?.join(DOORS);
        util::fs::create_dir_all(&doors)?;
        let path = doors.join(folders::name(instance)?);
        let failed = |cause| util::fs::io_error("create", &path, cause);
        DirBuilder::new().mode(0o755).create(&path).map_err(failed)?;
        let folder = Self(path.clone());
        // Whatever the user's mask has taken away.
        fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Listens in it.
    ///
    /// # Errors
    /// `Io` when the socket cannot be made.
    pub(crate) fn listen(&self) -> Result<UnixListener> {
        let listen = || {
            let handle = File::open(&self.0)?;
            // By the number of the open folder, because a socket's own path may have 107 bytes only.
            let short = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd())).join(SOCKET);
            let listener = std::os::unix::net::UnixListener::bind(&short)?;
            fs::set_permissions(self.0.join(SOCKET), Permissions::from_mode(0o666))?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        };
        listen().map_err(|cause: io::Error| {
            Error::new(ErrorKind::Io, "the socket for a server's connections cannot be made")
                .with_context("folder", self.0.display())
                .with_source(cause)
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        folders::remove(&self.0);
    }
}

/// Puts a program where it can be run, under the name of its content.
pub(super) fn install(doors: &Path, name: &str, content: &[u8]) -> Result<PathBuf> {
    let path = doors.join(name);
    let is_same = |path: &Path| {
        util::fs::read_bytes(path, content.len() as u64).is_ok_and(|found| found.as_deref() == Some(content))
    };
    if is_same(&path) {
        return Ok(path);
    }
    let temporary = doors.join(format!(".{name}.{}", random::hex(6)?));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&temporary)?;
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(0o755))?;
        // Closed before it is run: a program that is open for writing cannot be.
        drop(file);
        fs::rename(&temporary, &path)
    };
    match write() {
        Ok(()) => Ok(path),
        Err(cause) => {
            let _ = fs::remove_file(&temporary);
            Err(util::fs::io_error("write", &path, cause))
        }
    }
}

/// Removes the doors of gateways that are dead.
pub(crate) fn sweep(instances: &Path, own: &str) {
    folders::sweep(&instances.join(DOORS), instances, own);
}
