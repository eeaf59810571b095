//! Secrets in a `.env`-style file, in plain text.
#![doc = include_str!("docs.md")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::file::{Seal, SecretFile};
use super::{SecretBroker, SecretKey};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::fs;

/// A broker that keeps secrets in a `.env`-style file.
///
/// # Behavior
/// - A file that is not there holds no secrets; the first `set` creates it, readable by its owner only.
/// - A change by another process is seen by the next `get`.
/// - A broken line is an error that names file and line; nothing of the file is then used.
#[derive(Debug)]
pub struct DotenvBroker {
    file: SecretFile<Plain>,
}

impl DotenvBroker {
    /// A broker for the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { file: SecretFile::new(path.into(), Plain::default()) }
    }
}

#[async_trait]
impl SecretBroker for DotenvBroker {
    fn name(&self) -> String {
        format!("file:{}", self.file.path().display())
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        self.file.get("DotenvBroker::get", key).await
    }

    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()> {
        self.file.set("DotenvBroker::set", key, value).await
    }

    async fn delete(&self, key: &SecretKey) -> Result<()> {
        self.file.delete("DotenvBroker::delete", key).await
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        self.file.list("DotenvBroker::list").await
    }
}

/// No seal: the bytes are the text.
#[derive(Debug, Default)]
struct Plain {
    warned: AtomicBool,
}

impl Seal for Plain {
    fn open(&self, path: &Path, bytes: Vec<u8>) -> Result<Zeroizing<String>> {
        if fs::is_open_to_others(path) && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(file = %path.display(), "file of secrets can be read by others; run `chmod 600` on it");
        }
        String::from_utf8(bytes).map(Zeroizing::new).map_err(|cause| {
            drop(Zeroizing::new(cause.into_bytes()));
            Error::new(ErrorKind::InvalidConfig, "file is not valid UTF-8").with_context("file", path.display())
        })
    }

    fn seal(&self, _path: &Path, text: &str, _is_new: bool) -> Result<Vec<u8>> {
        Ok(text.as_bytes().to_vec())
    }
}
