//! The files of this example: a folder with notes, and one file beside it that is nobody's business.
#![expect(clippy::disallowed_methods, reason = "a host has files of its own")]

use std::fs;
use std::io::Result;
use std::path::PathBuf;

/// A temporary folder; it goes when this value goes.
pub(crate) struct Place {
    pub(crate) notes: PathBuf,
    pub(crate) private: PathBuf,
    /// Where the runtimes note what they run.
    pub(crate) state: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("quickstart-").tempdir()?;
        let top = folder.path().canonicalize()?;
        let (notes, private, state) = (top.join("notes"), top.join("private.txt"), top.join("state"));
        fs::create_dir(&notes)?;
        fs::create_dir(&state)?;
        fs::write(notes.join("groceries.txt"), "bread, milk, apples")?;
        fs::write(&private, "the diary of this machine's owner")?;
        Ok(Self { notes, private, state, _folder: folder })
    }

    /// Whether the note is still there.
    pub(crate) fn has_note(&self) -> bool {
        self.notes.join("groceries.txt").exists()
    }
}
