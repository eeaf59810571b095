//! One living gateway, known to others by a lock that the operating system lets go when it dies.
#![expect(clippy::disallowed_methods, reason = "locks and lists the files of living gateways itself")]

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::util::{fs as files, random};

/// A living gateway.
///
/// # Behavior
/// - Its lock file is held open as long as this value lives; the kernel lets go of it even after a kill -9, so what a dead
///   gateway left behind can be told from what a living one uses.
#[derive(Debug)]
pub struct GatewayInstance {
    id: String,
    folder: PathBuf,
    _lock: File,
}

impl GatewayInstance {
    /// Registers a gateway in a folder that all gateways of one home share.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written.
    pub fn register(folder: &Path) -> Result<Self> {
        files::create_dir_all(folder)?;
        let id = random::hex(6)?;
        let path = lock_path(folder, &id);
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|cause| files::io_error("create", &path, cause))?;
        lock.lock().map_err(|cause| files::io_error("lock", &path, cause))?;
        Ok(Self { id, folder: folder.to_owned(), _lock: lock })
    }

    /// The gateway's id, as its servers' labels carry it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder that the gateways of this home share.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A short name for the home, so that gateways of different homes on one engine leave each other alone.
    pub fn home_label(folder: &Path) -> String {
        use sha2::{Digest as _, Sha256};
        let resolved = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        hex::encode(&Sha256::digest(resolved.as_os_str().as_encoded_bytes())[..8])
    }

    /// Whether the gateway with this id still lives; one that was never registered here does not.
    pub fn is_alive(folder: &Path, id: &str) -> bool {
        let path = lock_path(folder, id);
        match OpenOptions::new().write(true).open(&path) {
            Err(_) => false,
            Ok(file) if file.try_lock().is_ok() => {
                // Nobody holds it: its gateway died without cleaning up.
                let _ = fs::remove_file(&path);
                false
            }
            Ok(_) => true,
        }
    }
}

impl Drop for GatewayInstance {
    fn drop(&mut self) {
        // A file that stays is found unlocked by the next sweep.
        let _ = fs::remove_file(lock_path(&self.folder, &self.id));
    }
}

fn lock_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("gateway-{id}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_lives_as_long_as_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let instance = GatewayInstance::register(folder.path()).unwrap();
        let id = instance.id().to_owned();
        assert!(GatewayInstance::is_alive(folder.path(), &id));
        drop(instance);
        assert!(!GatewayInstance::is_alive(folder.path(), &id));
        assert!(!GatewayInstance::is_alive(folder.path(), "unknown"));
    }
}
