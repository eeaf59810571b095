//! Profiles in a folder.

use std::path::{Path, PathBuf};

use super::file::{blocking, read_file};
use super::yaml::{check_name, read, write};
use super::{FileProfile, ProfileSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;
use crate::util::fs::{self, FileLock};
use crate::util::pattern::did_you_mean;

/// The extensions of profile files; new ones get the first.
const EXTENSIONS: [&str; 2] = ["yaml", "yml"];

/// A folder of profiles, each in a file of its name.
///
/// # Behavior
/// - Two processes that create the same profile at once: one of them succeeds.
/// - Values of secrets are never part of a profile, so neither of an export.
#[derive(Clone, Debug)]
pub struct ProfileStore {
    folder: PathBuf,
}

impl ProfileStore {
    /// The profiles of a folder; it is created with its first profile.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of its profiles, sorted. Files whose name is no profile's are left out.
    ///
    /// # Errors
    /// `Io`.
    pub async fn list(&self) -> Result<Vec<ProfileName>> {
        let store = self.clone();
        blocking(move || store.names()).await
    }

    /// Opens a profile.
    ///
    /// # Errors
    /// `NotFound`, naming one that was perhaps meant; `InvalidConfig` with file and line; `Io`.
    pub async fn open(&self, name: &ProfileName) -> Result<FileProfile> {
        let (store, name) = (self.clone(), name.clone());
        blocking(move || {
            let path = store.existing(&name)?;
            check_name(&read_file(&path)?, &name, &path)?;
            Ok(FileProfile::named(name, path))
        })
        .await
    }

    /// Creates a profile.
    ///
    /// # Errors
    /// `AlreadyExists`, `InvalidConfig` for values that cannot be right, `Io`.
    pub async fn create(&self, spec: ProfileSpec) -> Result<FileProfile> {
        spec.validate()?;
        let store = self.clone();
        blocking(move || store.put(&spec, false)).await
    }

    /// Creates a profile, or puts it in the place of the one of its name, whose pins are forgotten.
    ///
    /// # Errors
    /// `InvalidConfig` for values that cannot be right, `Io`.
    pub async fn replace(&self, spec: ProfileSpec) -> Result<FileProfile> {
        spec.validate()?;
        let store = self.clone();
        blocking(move || store.put(&spec, true)).await
    }

    /// Creates a profile whose file is this text, comments and all.
    ///
    /// # Errors
    /// As [`create`](Self::create), and `InvalidConfig` with the line for a text that is broken.
    pub async fn create_from(&self, text: &str) -> Result<FileProfile> {
        let (store, text, spec) = (self.clone(), text.to_owned(), read("profile", text)?);
        blocking(move || store.put_text(&spec, &text, false)).await
    }

    /// Deletes a profile and what was pinned for it.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub async fn delete(&self, name: &ProfileName) -> Result<()> {
        let (store, name) = (self.clone(), name.clone());
        blocking(move || {
            // It need not be readable to be deleted.
            let path = store.existing(&name)?;
            let _held = FileLock::acquire(&path)?;
            fs::remove_file(&path.with_extension("lock"))?;
            fs::remove_file(&path)
        })
        .await
    }

    /// The text of a profile, for [`import`](Self::import) elsewhere.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn export(&self, name: &ProfileName) -> Result<String> {
        let (store, name) = (self.clone(), name.clone());
        blocking(move || {
            let path = store.existing(&name)?;
            let spec = read_file(&path)?;
            check_name(&spec, &name, &path)?;
            write(&spec)
        })
        .await
    }

    /// Writes the text of a profile to a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn export_to(&self, name: &ProfileName, path: impl Into<PathBuf>) -> Result<()> {
        let (text, path) = (self.export(name).await?, path.into());
        blocking(move || fs::write_atomic(&path, text.as_bytes())).await
    }

    /// Takes a profile in; `file` names the text in messages.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line, `AlreadyExists` unless `replace`, `Io`.
    pub async fn import(&self, file: &str, text: &str, replace: bool) -> Result<FileProfile> {
        let spec = read(file, text)?;
        let store = self.clone();
        blocking(move || store.put(&spec, replace)).await
    }

    /// Takes a profile in from a file.
    ///
    /// # Errors
    /// As [`import`](Self::import), and `NotFound`.
    pub async fn import_from(&self, path: impl Into<PathBuf>, replace: bool) -> Result<FileProfile> {
        let path = path.into();
        let (file, text) = blocking(move || Ok((path.display().to_string(), fs::read_to_string(&path)?))).await?;
        self.import(&file, &text, replace).await
    }

    fn put(&self, spec: &ProfileSpec, replace: bool) -> Result<FileProfile> {
        self.put_text(spec, &write(spec)?, replace)
    }

    fn put_text(&self, spec: &ProfileSpec, text: &str, replace: bool) -> Result<FileProfile> {
        let path = self.existing(&spec.name).unwrap_or_else(|_| self.path(&spec.name, EXTENSIONS[0]));
        let _held = FileLock::acquire(&path)?;
        if fs::exists(&path) {
            if !replace {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("profile `{}` exists", spec.name))
                    .with_context("file", path.display()));
            }
            // Another profile's pins are not this one's.
            fs::remove_file(&path.with_extension("lock"))?;
        }
        fs::write_atomic(&path, text.as_bytes())?;
        Ok(FileProfile::named(spec.name.clone(), path))
    }

    fn path(&self, name: &ProfileName, extension: &str) -> PathBuf {
        self.folder.join(format!("{name}.{extension}"))
    }

    fn existing(&self, name: &ProfileName) -> Result<PathBuf> {
        let mut paths = EXTENSIONS.iter().map(|extension| self.path(name, extension));
        if let Some(path) = paths.find(|path| fs::exists(path)) {
            return Ok(path);
        }
        let error = Error::new(ErrorKind::NotFound, format!("profile `{name}` does not exist"))
            .with_context("folder", self.folder.display());
        let names = self.names()?;
        Err(match did_you_mean(name.as_str(), names.iter().map(ProfileName::as_str)) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint(format!("create it with `mcp-gateway profile create {name}`")),
        })
    }

    fn names(&self) -> Result<Vec<ProfileName>> {
        let files = fs::list(&self.folder, &EXTENSIONS)?;
        let stems = files.iter().filter_map(|file| file.file_stem()?.to_str());
        let mut names: Vec<_> = stems.filter_map(|stem| ProfileName::new(stem).ok()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }
}
