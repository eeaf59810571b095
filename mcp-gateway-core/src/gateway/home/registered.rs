//! The catalogs that were registered with `catalog add`, and the order in which they are layered.

use std::fs;
use std::path::{Path, PathBuf};

use super::Home;
use super::origins::OriginRecord;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, VerifyMode};
use crate::util::fs as files;
use crate::util::pattern::did_you_mean;

/// A registered catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What happens with its images that are not signed, whatever it says itself.
    pub verify: Option<VerifyMode>,
}

impl Home {
    /// The registered catalogs: in the order in which they were added, then those that were put into the folder by hand.
    ///
    /// # Errors
    /// `Io` when the folder cannot be read, `InvalidConfig` when a word about signatures is none.
    pub fn registered_catalogs(&self) -> Result<Vec<Registered>> {
        let order = files::read_optional(&self.catalog_order())?.unwrap_or_default();
        let words = self.words()?;
        let mut found: Vec<Registered> = files::list(&self.catalogs(), &["yaml"])?
            .into_iter()
            .filter_map(|path| {
                let name = path.file_stem()?.to_str()?.to_owned();
                let verify = words.iter().find(|(known, _)| *known == name).map(|(_, verify)| *verify);
                Some(Registered { name, path, verify })
            })
            .collect();
        found.sort_by_key(|catalog| order.lines().position(|name| name == catalog.name).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// A registered catalog.
    ///
    /// # Errors
    /// `NotFound`, with the name that may be meant.
    pub fn registered_catalog(&self, name: &str) -> Result<Registered> {
        let all = self.registered_catalogs()?;
        if let Some(found) = all.iter().find(|catalog| catalog.name == name) {
            return Ok(found.clone());
        }
        let error = Error::new(ErrorKind::NotFound, format!("no catalog `{name}` is registered"));
        Err(match did_you_mean(name, all.iter().map(|catalog| catalog.name.as_str())) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint("run `mcp-gateway catalog ls` to see what there is"),
        })
    }

    /// Registers the file at `path`, which was checked, by a copy or a link.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none, `AlreadyExists`, `Io`.
    pub fn register_catalog(&self, name: &str, path: &Path, replace: bool, link: bool) -> Result<()> {
        if !link {
            let text = files::read_to_string(path)?;
            return self.enter_catalog(name, replace, None, |target| files::write_atomic(target, text.as_bytes()));
        }
        let source = files::canonicalize(path)?;
        self.enter_catalog(name, replace, None, |target| {
            files::remove_file(target)?;
            symlink(&source, target).map_err(|cause| files::io_error("link", target, cause))
        })
    }

    /// Registers what `put` puts into a catalog's place, and what is known of where it comes from.
    pub(super) fn enter_catalog(
        &self,
        name: &str,
        replace: bool,
        record: Option<&OriginRecord>,
        put: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        check_name(name)?;
        let _lock = files::FileLock::acquire(&self.catalog_order())?;
        let mut order: Vec<String> = self.registered_catalogs()?.into_iter().map(|catalog| catalog.name).collect();
        let is_known = order.iter().any(|known| known == name);
        if is_known && !replace {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("a catalog `{name}` is registered already"))
                .with_hint("give `--replace` to put this one in its place"));
        }
        // Cut off in between, it is a catalog of which nothing is known, never one that is said to be from elsewhere.
        files::remove_file(&self.catalog_origin(name))?;
        files::remove_file(&self.catalog_cursor(name))?;
        files::remove_file(&self.catalog_signature(name))?;
        put(&self.catalog(name))?;
        if let Some(record) = record {
            self.write_origin(name, record)?;
        }
        if !is_known {
            order.push(name.to_owned());
        }
        write_order(self, &order)
    }

    /// Keeps the operator's word about a registered catalog's images that are not signed.
    ///
    /// # Errors
    /// `NotFound`, `InvalidConfig`, `Io`.
    pub(super) fn keep_word(&self, name: &str, verify: Option<VerifyMode>) -> Result<()> {
        self.registered_catalog(name)?;
        let _lock = files::FileLock::acquire(&self.catalog_order())?;
        self.write_word(name, verify)
    }

    fn write_word(&self, name: &str, verify: Option<VerifyMode>) -> Result<()> {
        let mut words = self.words()?;
        words.retain(|(known, _)| known != name);
        words.extend(verify.map(|verify| (name.to_owned(), verify)));
        let text: String = words.iter().map(|(name, verify)| format!("{name} {verify}\n")).collect();
        files::write_atomic(&self.catalog_verify(), text.as_bytes())
    }

    fn words(&self) -> Result<Vec<(String, VerifyMode)>> {
        let file = self.catalog_verify();
        let text = files::read_optional(&file)?.unwrap_or_default();
        let word = |line: &str| match line.split_once(' ').map(|(name, word)| (name, VerifyMode::parse(word))) {
            Some((name, Ok(verify))) => Ok((name.to_owned(), verify)),
            // A line that was lost could be the one that says `required`.
            _ => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("`{line}` is not a catalog and its word about signatures"),
            )
            .with_context("file", file.display())
            .with_hint("write such as `docker-mcp required`, or remove the line")),
        };
        text.lines().filter(|line| !line.is_empty()).map(word).collect()
    }

    /// Removes a registered catalog; the file that a link leads to stays.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none, `NotFound`, `Io`.
    pub fn unregister_catalog(&self, name: &str) -> Result<()> {
        check_name(name)?;
        // A link that leads nowhere is not listed but can be removed.
        if fs::symlink_metadata(self.catalog(name)).is_err() {
            self.registered_catalog(name)?;
        }
        let _lock = files::FileLock::acquire(&self.catalog_order())?;
        files::remove_file(&self.catalog(name))?;
        files::remove_file(&self.catalog_origin(name))?;
        files::remove_file(&self.catalog_cursor(name))?;
        files::remove_file(&self.catalog_signature(name))?;
        if self.words()?.iter().any(|(known, _)| known == name) {
            self.write_word(name, None)?;
        }
        let order: Vec<String> =
            self.registered_catalogs()?.into_iter().map(|catalog| catalog.name).filter(|known| known != name).collect();
        write_order(self, &order)
    }
}

/// The name becomes a file's name, so it obeys the same rule as a profile's.
fn check_name(name: &str) -> Result<()> {
    ProfileName::new(name).map(drop).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("`{name}` is not a catalog's name")).with_source(cause)
    })
}

fn write_order(home: &Home, order: &[String]) -> Result<()> {
    let text: String = order.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
    files::write_atomic(&home.catalog_order(), text.as_bytes())
}

#[cfg(unix)]
fn symlink(source: &Path, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(not(unix))]
fn symlink(_source: &Path, _target: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
