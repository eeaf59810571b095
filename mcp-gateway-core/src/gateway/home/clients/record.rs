//! What was written into which file, so that taking it out gives the file back as it was.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, FileLock};

/// The most texts that are remembered; older ones are forgotten, and then only the entry itself is taken out.
const MAX_WRITTEN: usize = 256;

/// A text that was put into a file. It holds the gateway's own entry and nothing of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    file: PathBuf,
    name: String,
    text: String,
    /// Whether the file was made for it.
    made: bool,
}

/// The texts that were put into files, kept in the home.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    written: Vec<Written>,
    _held: FileLock,
}

impl Record {
    /// Reads the record, which nobody else changes until it is dropped.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let held = FileLock::acquire(path)?;
        let written = match fs::read_optional(path)? {
            None => Vec::new(),
            Some(text) => serde_json::from_str(&text).map_err(|cause| {
                Error::new(ErrorKind::InvalidConfig, "the record of connected clients is broken")
                    .with_context("file", path.display())
                    .with_hint(
                        "remove it: clients stay connected, and `client disconnect` still finds the gateway's entry",
                    )
                    .with_source(cause)
            })?,
        };
        Ok(Self { path: path.to_owned(), written, _held: held })
    }

    /// The text under a name in a file, and whether the file was made for it.
    pub(super) fn find(&self, file: &Path, name: &str) -> Option<(&str, bool)> {
        let found = self.written.iter().rev().find(|written| written.file == file && written.name == name)?;
        Some((&found.text, found.made))
    }

    /// Keeps what is now in a file, `None` for nothing.
    pub(super) fn set(&mut self, file: &Path, name: &str, text: Option<(String, bool)>) -> Result<()> {
        self.written.retain(|written| written.file != file || written.name != name);
        if let Some((text, made)) = text {
            self.written.push(Written { file: file.to_owned(), name: name.to_owned(), text, made });
        }
        let excess = self.written.len().saturating_sub(MAX_WRITTEN);
        self.written.drain(..excess);
        let text = serde_json::to_string_pretty(&self.written)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the record cannot be written").with_source(cause))?;
        fs::write_atomic(&self.path, (text + "\n").as_bytes())
    }
}
