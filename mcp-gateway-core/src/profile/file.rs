//! A profile that lives in a file, with its lock beside it.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::validate::check_change;
use super::yaml::{check_name, read, read_lock, write, write_lock};
use super::{LockChange, Profile, ProfileLock, ProfileSpec, SpecChange};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::fs::{self, FileLock};

/// A profile in a YAML file, `dev.yaml`, with what was pinned in a JSON file, `dev.lock`, beside it.
///
/// # Behavior
/// - Every call reads the file, so that what a person changes counts at once.
/// - A change holds a lock against other processes from reading to writing, and replaces the file as one step.
/// - A change that changes nothing leaves the file as it is, comments and all; another one writes it anew, without them.
/// - A file that cannot be read is never written over.
#[derive(Debug)]
pub struct FileProfile {
    name: ProfileName,
    path: PathBuf,
    lock_path: PathBuf,
}

impl FileProfile {
    /// Opens a profile's file.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig` with file and line, `Io`.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let name = blocking({
            let path = path.clone();
            move || Ok(read_file(&path)?.name)
        })
        .await?;
        Ok(Self::named(name, path))
    }

    pub(super) fn named(name: ProfileName, path: PathBuf) -> Self {
        Self { name, lock_path: path.with_extension("lock"), path }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lock file.
    pub fn lock_path(&self) -> &Path {
        &self.lock_path
    }
}

#[async_trait]
impl Profile for FileProfile {
    fn name(&self) -> &ProfileName {
        &self.name
    }

    fn folder(&self) -> Option<&Path> {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        let (name, path) = (self.name.clone(), self.path.clone());
        blocking(move || {
            let spec = read_file(&path)?;
            check_name(&spec, &name, &path)?;
            Ok(spec)
        })
        .await
    }

    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let (held, before) = blocking(move || {
            // Before locking: a profile that is gone must not leave a lock file behind.
            fs::read_to_string(&path)?;
            let held = FileLock::acquire(&path)?;
            let spec = read_file(&path)?;
            check_name(&spec, &name, &path)?;
            Ok((held, spec))
        })
        .await?;
        let mut next = before.clone();
        change(&mut next)?;
        check_change(&self.name, &next)?;
        let path = self.path.clone();
        blocking(move || {
            // Held until the file is replaced, even when the caller does not wait for it.
            let _held = held;
            if next != before {
                fs::write_atomic(&path, write(&next)?.as_bytes())?;
            }
            Ok(next)
        })
        .await
    }

    async fn lock(&self) -> Result<ProfileLock> {
        let lock_path = self.lock_path.clone();
        blocking(move || read_lock_file(&lock_path)).await
    }

    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock> {
        let (path, lock_path) = (self.path.clone(), self.lock_path.clone());
        let (held, before) = blocking(move || {
            let missing = || Error::new(ErrorKind::NotFound, "profile does not exist");
            if !fs::exists(&path) {
                return Err(missing().with_context("file", path.display()));
            }
            let held = FileLock::acquire(&lock_path)?;
            let lock = read_lock_file(&lock_path)?;
            Ok((held, lock))
        })
        .await?;
        let mut next = before.clone();
        change(&mut next)?;
        let lock_path = self.lock_path.clone();
        blocking(move || {
            let _held = held;
            if next != before {
                fs::write_atomic(&lock_path, write_lock(&next)?.as_bytes())?;
            }
            Ok(next)
        })
        .await
    }
}

pub(super) fn read_file(path: &Path) -> Result<ProfileSpec> {
    read(&path.display().to_string(), &fs::read_to_string(path)?)
}

fn read_lock_file(path: &Path) -> Result<ProfileLock> {
    fs::read_optional(path)?.map_or_else(|| Ok(ProfileLock::default()), |text| read_lock(path, &text))
}

/// File work, off the threads that serve requests.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(ErrorKind::Internal, "file work failed").with_source(cause))?
}
