//! Catalogs that are read from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;

use super::decode::{Decoded, decode};
use super::diagnostic::{Diagnostic, Position, Problems, joined};
use super::tree::Node;
use super::{Catalog, fingerprint, revision};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ServerEntry, ServerName, VerifyMode};
use crate::util::fs;
use crate::util::pattern::Pattern;

/// The extensions of files that a folder's catalog is read from.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];

/// A catalog of a file, or of all files in a folder, read once.
///
/// # Behavior
/// - A file is a catalog (`registry: {name: {…}}`) or one server (`name`, `type`, …), in YAML or, by its extension, JSON.
/// - A folder's files are read in name order; two that name the same server are an error.
#[derive(Debug)]
pub struct FileCatalog {
    name: String,
    title: Option<String>,
    entries: IndexMap<ServerName, Arc<ServerEntry>>,
    hide: Vec<Pattern>,
    revision: u64,
}

/// How a catalog is read.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Whether an entry that cannot be read is left out and named, instead of failing the whole catalog.
    pub lenient: bool,
    /// What happens with images that are not signed, whatever the catalog says.
    pub verify: Option<VerifyMode>,
}

impl LoadOptions {
    /// The default: one entry that cannot be read fails the whole catalog.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves entries out that cannot be read, and names them.
    #[must_use]
    pub fn with_lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }

    /// Says what happens with images that are not signed, whatever the catalog says.
    #[must_use]
    pub fn with_verify(mut self, verify: Option<VerifyMode>) -> Self {
        self.verify = verify;
        self
    }
}

/// A catalog and what its author should know about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadReport {
    /// The catalog.
    pub catalog: FileCatalog,
    /// What is odd but understood: unknown keys above all.
    pub warnings: Vec<Diagnostic>,
    /// Entries that were left out; only with [`LoadOptions::lenient`].
    pub refused: Vec<RefusedEntry>,
}

/// An entry that could not be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefusedEntry {
    /// The name that it goes by.
    pub name: String,
    /// Why it was left out, with file and line.
    pub reason: Error,
}

impl FileCatalog {
    /// Reads a catalog from a file or a folder.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line, listing everything that is wrong; `NotFound`, `TooLarge`, `Io`.
    pub async fn load(path: impl AsRef<Path>) -> Result<LoadReport> {
        Self::load_with(path, LoadOptions::new()).await
    }

    /// Reads a catalog from a file or a folder, as the options say.
    ///
    /// # Errors
    /// As [`load`](Self::load); with `lenient`, a broken entry is no error.
    pub async fn load_with(path: impl AsRef<Path>, options: LoadOptions) -> Result<LoadReport> {
        let path = path.as_ref().to_owned();
        let load = tokio::task::spawn_blocking(move || load_blocking(&path, options));
        load.await.map_err(|cause| Error::new(ErrorKind::Internal, "reading a catalog failed").with_source(cause))?
    }

    /// Reads a catalog from a text; `file` names it in messages, and as JSON where it ends in `.json`.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line, listing everything that is wrong.
    pub fn parse(file: &str, text: &str, options: LoadOptions) -> Result<LoadReport> {
        let mut loading = Loading::new(options);
        loading.read(file, text)?;
        loading.finish(file_stem(Path::new(file)))
    }

    /// Says where its entries come from, in [`ServerEntry::source`].
    #[must_use]
    pub fn with_source(mut self, source: &str) -> Self {
        for entry in self.entries.values_mut() {
            Arc::make_mut(entry).source = Some(source.to_owned());
        }
        self
    }

    /// Puts an entry in, in the place of the one of its name.
    pub fn put(&mut self, entry: Arc<ServerEntry>) {
        self.entries.insert(entry.name.clone(), entry);
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, server: &ServerName) -> Option<Arc<ServerEntry>> {
        self.entries.shift_remove(server)
    }

    /// The name for people, if the file has one.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Its entries, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<ServerEntry>> {
        self.entries.values()
    }

    /// The globs over names of earlier catalogs that it hides.
    pub fn hidden(&self) -> Vec<&str> {
        self.hide.iter().map(Pattern::as_str).collect()
    }

    /// How many servers it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no servers.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn load_blocking(path: &Path, options: LoadOptions) -> Result<LoadReport> {
    let mut loading = Loading::new(options);
    let is_folder = path.is_dir();
    let files = if is_folder { fs::list(path, &EXTENSIONS)? } else { vec![path.to_owned()] };
    for file in &files {
        loading.read(&file.display().to_string(), &fs::read_to_string(file)?)?;
    }
    if is_folder {
        // Each file's own name is a part's; the folder's is the whole's.
        (loading.name, loading.title) = (None, None);
        if files.is_empty() {
            let problems = Problems::new(&path.display().to_string());
            problems.warn(Position::default(), "folder has no catalog files", None);
            loading.warnings = problems.take_warnings();
        }
    }
    loading.finish(file_stem(path))
}

fn file_stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "catalog".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// A catalog while its files are read.
struct Loading {
    options: LoadOptions,
    name: Option<String>,
    title: Option<String>,
    entries: IndexMap<ServerName, (Arc<ServerEntry>, PathBuf)>,
    hide: Vec<Pattern>,
    warnings: Vec<Diagnostic>,
    refused: Vec<RefusedEntry>,
    errors: Vec<Diagnostic>,
}

impl Loading {
    fn new(options: LoadOptions) -> Self {
        Self {
            options,
            name: None,
            title: None,
            entries: IndexMap::new(),
            hide: Vec::new(),
            warnings: Vec::new(),
            refused: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Reads one file. What makes the file as a whole useless is an error even when reading leniently.
    fn read(&mut self, file: &str, text: &str) -> Result<()> {
        let root = Node::parse(file, text).map_err(Diagnostic::into_error)?;
        let problems = Problems::new(file);
        let Decoded { name, title, entries, hide, refused } = decode(&root, &problems);
        self.warnings.extend(problems.take_warnings());
        if let Some(error) = joined(problems.take_errors()) {
            return Err(error);
        }
        self.name = name.filter(|name| !name.is_empty());
        self.title = title;
        self.hide.extend(hide.into_iter().map(Pattern::new));
        for (name, errors) in refused {
            if !self.options.lenient {
                self.errors.extend(errors);
            } else if let Some(reason) = joined(errors) {
                self.refused.push(RefusedEntry { name, reason });
            }
        }
        for mut entry in entries {
            self.void_approval(file, &mut entry);
            if self.options.verify.is_some() {
                Arc::make_mut(&mut entry).verify = self.options.verify;
            }
            let name = entry.name.clone();
            if let Some((_, other)) = self.entries.insert(name.clone(), (entry, PathBuf::from(file))) {
                let message = format!("server `{name}` is described by two files of one folder");
                return Err(Error::new(ErrorKind::InvalidConfig, message)
                    .with_context("file", file)
                    .with_context("other", other.display())
                    .with_hint("to override it, put one of them into a later catalog"));
            }
        }
        Ok(())
    }

    /// Takes an approval away that is of another entry than the one that it stands in.
    fn void_approval(&mut self, file: &str, entry: &mut Arc<ServerEntry>) {
        let Some(approval) = &entry.approved else { return };
        if approval.entry.as_ref().is_none_or(|approved| *approved == fingerprint(entry)) {
            return;
        }
        let problems = Problems::new(file);
        let message = format!("approval of `{}` by `{}` is void: the entry was changed since", entry.name, approval.by);
        let hint =
            "look at what the entry says now; without `entry`, or with its new fingerprint there, the approval counts";
        problems.warn(Position::default(), message, Some(hint.to_owned()));
        self.warnings.extend(problems.take_warnings());
        Arc::make_mut(entry).approved = None;
    }

    fn finish(self, stem: String) -> Result<LoadReport> {
        if let Some(error) = joined(self.errors) {
            return Err(error.with_operation("FileCatalog::load"));
        }
        let catalog = FileCatalog {
            name: self.name.unwrap_or(stem),
            title: self.title,
            entries: self.entries.into_iter().map(|(name, (entry, _))| (name, entry)).collect(),
            hide: self.hide,
            revision: revision::next(),
        };
        Ok(LoadReport { catalog, warnings: self.warnings, refused: self.refused })
    }
}

#[async_trait]
impl Catalog for FileCatalog {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        Ok(self.entries.get(server).map(Arc::clone))
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        Ok(self.entries.values().map(Arc::clone).collect())
    }

    fn revision(&self) -> Option<u64> {
        Some(self.revision)
    }

    fn hides(&self, server: &ServerName) -> bool {
        self.hide.iter().any(|pattern| pattern.matches(server.as_str()))
    }
}
