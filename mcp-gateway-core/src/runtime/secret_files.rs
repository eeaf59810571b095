//! Files of secrets in memory: a folder of one server on a tmpfs, in a folder that is the gateway's user's alone.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{GatewayInstance, SecretFile, folders};
use crate::error::{Error, ErrorKind, Result};
use crate::util::{env_vars, fs as files};

/// Where the files are for a server that has a file system of its own.
pub(super) const INSIDE: &str = "/run/secrets";

/// Where every Linux has a file system in memory that everybody may use.
const SHARED: &str = "/dev/shm";

/// The types of file systems that are in memory only: tmpfs, ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// How often a folder is made that others remove meanwhile.
const ATTEMPTS: u32 = 10;

/// Who may read the files, of those who get as far as the folder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Readers {
    /// The gateway's user, as who the server runs.
    #[cfg(feature = "runtime-process")]
    Owner,
    /// Whoever the server runs as in its container, where nobody else is.
    #[cfg(feature = "runtime-docker")]
    Container,
}

/// The files of one server. Dropped, they are removed.
#[derive(Debug)]
pub(super) struct SecretFiles(PathBuf);

impl SecretFiles {
    /// Writes files, each by the name of its variable.
    ///
    /// # Errors
    /// As [`check`]; `Unsupported` where there is no file system in memory, `Denied` where its folder is not the user's alone, `Io`.
    pub(super) fn write(instance: &GatewayInstance, secrets: &[SecretFile], readers: Readers) -> Result<Self> {
        check(secrets)?;
        let (folder_mode, file_mode) = match readers {
            #[cfg(feature = "runtime-process")]
            Readers::Owner => (0o700, 0o400),
            #[cfg(feature = "runtime-docker")]
            Readers::Container => (0o755, 0o444),
        };
        let folder = Self::make(&parent(instance)?, &folders::name(instance)?)?;
        for secret in secrets {
            let path = folder.0.join(&secret.variable);
            let write = || {
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                file.write_all(secret.value.expose().as_bytes())?;
                // Whatever the user's mask has taken away.
                file.set_permissions(Permissions::from_mode(file_mode))
            };
            write().map_err(|cause| files::io_error("write", &path, cause))?;
        }
        fs::set_permissions(&folder.0, Permissions::from_mode(folder_mode))
            .map_err(|cause| files::io_error("change", &folder.0, cause))?;
        Ok(folder)
    }

    fn make(parent: &Path, name: &str) -> Result<Self> {
        let path = parent.join(name);
        for _ in 1..ATTEMPTS {
            private(parent)?;
            match DirBuilder::new().mode(0o700).create(&path) {
                // Another gateway of this home has removed the folder because it was empty.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                made => {
                    return made.map(|()| Self(path.clone())).map_err(|cause| files::io_error("create", &path, cause));
                }
            }
        }
        Err(Error::new(ErrorKind::Io, "the folder for the files of secrets does not stay")
            .with_context("folder", parent.display()))
    }

    /// Where they are.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SecretFiles {
    fn drop(&mut self) {
        folders::remove(&self.0);
        self.0.parent().map(remove_empty);
    }
}

/// Removes the folder of a home in which no server has files any more.
fn remove_empty(folder: &Path) {
    // Mostly it is not empty.
    let _ = fs::remove_dir(folder);
}

/// Refuses variables whose names could lead out of the folder or into another variable.
///
/// # Errors
/// `InvalidConfig`.
pub(super) fn check(secrets: &[SecretFile]) -> Result<()> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let Some(bad) = secrets.iter().find(|secret| !is_name(&secret.variable)) else { return Ok(()) };
    let shown = bad.variable.escape_debug();
    Err(Error::new(ErrorKind::InvalidConfig, format!("`{shown}` is not a name for the file of a secret"))
        .with_hint("write the name of an environment variable: letters, digits and `_`"))
}

/// The variables that tell a server where its files are.
pub(super) fn environment<'a>(
    secrets: &'a [SecretFile],
    folder: &'a Path,
) -> impl Iterator<Item = (String, String)> + 'a {
    secrets.iter().flat_map(move |secret| {
        let path = folder.join(&secret.variable).display().to_string();
        [secret.path_variable()].into_iter().chain(secret.aliases.iter().cloned()).map(move |name| (name, path.clone()))
    })
}

/// Removes the files of gateways that are dead.
pub(super) fn sweep(instance: &GatewayInstance) {
    for root in roots() {
        let parent = root.join(name(instance));
        folders::sweep(&parent, instance.folder(), instance.id());
        remove_empty(&parent);
    }
}

/// Where there may be a file system in memory: the user's own first.
fn roots() -> impl Iterator<Item = PathBuf> {
    let own = env_vars::get("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    own.into_iter().chain([PathBuf::from(SHARED)])
}

/// The folder of all files of this home and user.
fn parent(instance: &GatewayInstance) -> Result<PathBuf> {
    let root = roots().find(|root| rustix::fs::statfs(root).is_ok_and(|found| IN_MEMORY.contains(&found.f_type)));
    root.map(|root| root.join(name(instance))).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "this machine has no file system in memory for the files of secrets")
            .with_hint(format!("mount a tmpfs at `{SHARED}`, or set `delivery: env` for the server in the profile"))
    })
}

fn name(instance: &GatewayInstance) -> String {
    let user = rustix::process::geteuid().as_raw();
    format!("mcp-gateway-{user}-{}", GatewayInstance::home_label(instance.folder()))
}

/// The folders in which servers of a home have files now.
#[cfg(test)]
pub(super) fn present(instance: &GatewayInstance) -> Vec<PathBuf> {
    let parents = roots().map(|root| root.join(name(instance)));
    parents.filter_map(|parent| parent.read_dir().ok()).flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Makes a folder that is the user's alone, or finds that it is: where everybody may write, somebody else may have made it.
fn private(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            return Err(files::io_error("create", folder, cause));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(folder).map_err(|cause| files::io_error("read", folder, cause))?;
    let is_own = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o077 == 0;
    is_own.then_some(()).ok_or_else(|| {
        Error::new(ErrorKind::Denied, "the folder for the files of secrets is not this user's alone")
            .with_context("folder", folder.display())
            .with_hint("find out who made it, and remove it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretValue;

    fn secrets() -> Vec<SecretFile> {
        vec![SecretFile::new("TOKEN", SecretValue::new("hunter2")), SecretFile::new("OTHER", SecretValue::new("x\n"))]
    }

    #[cfg(feature = "runtime-process")]
    const READERS: Readers = Readers::Owner;
    #[cfg(not(feature = "runtime-process"))]
    const READERS: Readers = Readers::Container;

    #[test]
    fn files_are_in_memory_behind_a_folder_of_the_user_and_go_with_their_value() {
        let home = tempfile::tempdir().unwrap();
        let instance = GatewayInstance::register(home.path()).unwrap();
        let written = SecretFiles::write(&instance, &secrets(), READERS).unwrap();
        let path = written.path().to_owned();
        assert_eq!(present(&instance), std::slice::from_ref(&path));
        assert!(IN_MEMORY.contains(&rustix::fs::statfs(&path).unwrap().f_type));
        assert_eq!(files::read_to_string(&path.join("TOKEN")).unwrap(), "hunter2");
        assert_eq!(files::read_to_string(&path.join("OTHER")).unwrap(), "x\n");
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let told: Vec<_> = environment(&secrets(), Path::new(INSIDE)).collect();
        assert_eq!(told[0], ("TOKEN_FILE".to_owned(), "/run/secrets/TOKEN".to_owned()));
        assert!(!format!("{:?} {written:?}", secrets()).contains("hunter2"));
        drop(written);
        assert!(!path.exists() && !path.parent().unwrap().exists(), "not even an empty folder is left");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for bad in ["", "..", "../X", "/etc/X", "A=B", "A B", "a.b"] {
            let refused = check(&[SecretFile::new(bad, SecretValue::new("x"))]).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidConfig, "{bad:?}");
        }
    }

    #[test]
    fn only_what_a_dead_gateway_left_is_swept() {
        let home = tempfile::tempdir().unwrap();
        let (dead, living) =
            (GatewayInstance::register(home.path()).unwrap(), GatewayInstance::register(home.path()).unwrap());
        let left = SecretFiles::write(&dead, &secrets(), READERS).unwrap();
        let kept = SecretFiles::write(&living, &secrets(), READERS).unwrap();
        let third = GatewayInstance::register(home.path()).unwrap();
        sweep(&third);
        assert!(left.path().exists() && kept.path().exists());
        drop(dead);
        sweep(&third);
        assert!(!left.path().exists() && kept.path().exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        for path in [open, link] {
            assert_eq!(private(&path).unwrap_err().kind(), ErrorKind::Denied, "{}", path.display());
        }
    }
}
