//! The folders of doors.
#![expect(clippy::disallowed_methods, reason = "modes matter here, and what is removed need not be there")]

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::runtime::GatewayInstance;
use crate::util::{self, random};

/// Where the doors of a home are, in the folder that its gateways share.
const DOORS: &str = "egress";

/// The place of a new door. The folder of all doors is the user's alone; one door is seen by the server it is shown to.
pub(crate) fn place(instance: &GatewayInstance) -> Result<PathBuf> {
    let doors = util::fs::canonicalize(instance.folder())?.join(DOORS);
    util::fs::create_dir_all(&doors)?;
    Ok(doors.join(format!("{}-{}", instance.id(), random::hex(4)?)))
}

/// Makes a folder that everybody may look into, and opens it.
pub(super) fn create_shown(folder: &Path) -> Result<File> {
    let made = DirBuilder::new().mode(0o755).create(folder);
    made.map_err(|cause| util::fs::io_error("create", folder, cause))?;
    let opened = fs::set_permissions(folder, Permissions::from_mode(0o755)).and_then(|()| File::open(folder));
    opened.map_err(|cause| util::fs::io_error("open", folder, cause))
}

/// Lets everybody who sees a socket connect to it.
pub(super) fn open_to_all(socket: &Path) -> io::Result<()> {
    fs::set_permissions(socket, Permissions::from_mode(0o666))
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

/// Removes a door; what cannot be removed now is found by the next sweep.
pub(super) fn remove_folder(folder: &Path) {
    if let Err(cause) = fs::remove_dir_all(folder)
        && cause.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(folder = %folder.display(), %cause, "a closed door could not be removed yet");
    }
}

/// Removes the doors of gateways that are dead.
pub(crate) fn sweep(instances: &Path, own: &str) {
    let Ok(entries) = fs::read_dir(instances.join(DOORS)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let gateway = name.to_str().and_then(|name| name.split_once('-')).map_or("", |(gateway, _)| gateway);
        let is_id = !gateway.is_empty() && gateway.chars().all(|c| c.is_ascii_hexdigit());
        if is_id && gateway != own && !GatewayInstance::is_alive(instances, gateway) {
            remove_folder(&entry.path());
        }
    }
}
