//! A file of secrets, plain or sealed: read once per content, changed under a lock, replaced whole.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::document::Document;
use super::{SecretKey, blocking, refuse_empty};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::fs::{self, FileLock};

/// The largest file of secrets: 4 MiB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// How a file's bytes and its text turn into each other; may be slow.
pub(super) trait Seal: fmt::Debug + Send + Sync + 'static {
    /// The text of the bytes of the file at `path`.
    fn open(&self, path: &Path, bytes: Vec<u8>) -> Result<Zeroizing<String>>;

    /// The bytes of a text; `is_new` says that there is no file yet.
    fn seal(&self, path: &Path, text: &str, is_new: bool) -> Result<Vec<u8>>;
}

/// A file of secrets.
///
/// # Behavior
/// - Opened again only when the file's bytes are others, however often it is asked.
/// - A file that cannot be opened is never overwritten.
pub(super) struct SecretFile<S>(Arc<Inner<S>>);

struct Inner<S> {
    path: PathBuf,
    seal: S,
    cache: Mutex<Option<Opened>>,
}

/// The opened content of the file whose bytes have this digest.
struct Opened {
    digest: [u8; 32],
    document: Arc<Document>,
    values: Arc<BTreeMap<SecretKey, SecretValue>>,
}

impl<S: Seal> SecretFile<S> {
    pub(super) fn new(path: PathBuf, seal: S) -> Self {
        Self(Arc::new(Inner { path, seal, cache: Mutex::new(None) }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) async fn get(&self, operation: &'static str, key: &SecretKey) -> Result<Option<SecretValue>> {
        let (file, key) = (Arc::clone(&self.0), key.clone());
        blocking(operation, move || Ok(file.values(&file.target())?.get(&key).cloned())).await
    }

    pub(super) async fn list(&self, operation: &'static str) -> Result<Vec<SecretKey>> {
        let file = Arc::clone(&self.0);
        blocking(operation, move || Ok(file.values(&file.target())?.keys().cloned().collect())).await
    }

    pub(super) async fn set(&self, operation: &'static str, key: &SecretKey, value: SecretValue) -> Result<()> {
        refuse_empty(key, &value).map_err(|error| error.with_operation(operation))?;
        let (file, key) = (Arc::clone(&self.0), key.clone());
        blocking(operation, move || file.edit(&key, Some(value))).await
    }

    /// Seals the content anew; `seal` gets it with the file's path and writes it.
    #[cfg(feature = "secrets-age")]
    pub(super) async fn reseal(
        &self,
        operation: &'static str,
        seal: impl FnOnce(&S, &Path, &str) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let file = Arc::clone(&self.0);
        blocking(operation, move || file.reseal(seal)).await
    }

    pub(super) async fn delete(&self, operation: &'static str, key: &SecretKey) -> Result<()> {
        let (file, key) = (Arc::clone(&self.0), key.clone());
        blocking(operation, move || file.edit(&key, None)).await
    }
}

impl<S: Seal> Inner<S> {
    /// The file itself where the path is a symbolic link, so that a replacement does not cut the link.
    fn target(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    fn values(&self, target: &Path) -> Result<Arc<BTreeMap<SecretKey, SecretValue>>> {
        let Some(bytes) = fs::read_bytes(target, MAX_BYTES)? else { return Ok(Arc::default()) };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(&self.opened(&mut cache, target, bytes)?.values))
    }

    fn opened<'a>(&self, cache: &'a mut Option<Opened>, target: &Path, bytes: Vec<u8>) -> Result<&'a Opened> {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if let Some(opened) = cache.take_if(|opened| opened.digest == digest) {
            return Ok(cache.insert(opened));
        }
        // What was opened before is stale, also when opening fails.
        *cache = None;
        let document = Document::parse(self.seal.open(target, bytes)?, target)?;
        let values = Arc::new(document.values());
        Ok(cache.insert(Opened { digest, document: Arc::new(document), values }))
    }

    #[cfg(feature = "secrets-age")]
    fn reseal(&self, seal: impl FnOnce(&S, &Path, &str) -> Result<()>) -> Result<()> {
        let target = self.target();
        let _lock = FileLock::acquire(&target)?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = fs::read_bytes(&target, MAX_BYTES)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there are no secrets yet").with_context("file", target.display())
        })?;
        let document = Arc::clone(&self.opened(&mut cache, &target, bytes)?.document);
        seal(&self.seal, &target, document.text())
    }

    /// Sets a key to a value, or removes it.
    fn edit(&self, key: &SecretKey, value: Option<SecretValue>) -> Result<()> {
        let target = self.target();
        let _lock = FileLock::acquire(&target)?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = fs::read_bytes(&target, MAX_BYTES)?;
        let is_new = bytes.is_none();
        let before = match bytes {
            Some(bytes) => Arc::clone(&self.opened(&mut cache, &target, bytes)?.document),
            None => Arc::new(Document::parse(Zeroizing::default(), &target)?),
        };
        let text = match &value {
            Some(value) => before.with(key, value),
            None => before.without(key),
        };
        if *text == before.text() {
            return Ok(());
        }
        let document = Document::parse(text, &target)?;
        let values = Arc::new(document.values());
        // The syntax may have no form for a name, such as one that starts like a comment.
        if values.get(key) != value.as_ref() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{key}` cannot be the name of a secret in a file"),
            ));
        }
        let bytes = self.seal.seal(&target, document.text(), is_new)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, "file of secrets would be larger than 4 MiB")
                .with_context("file", target.display()));
        }
        fs::write_atomic(&target, &bytes)?;
        *cache = Some(Opened { digest: Sha256::digest(&bytes).into(), document: Arc::new(document), values });
        Ok(())
    }
}

impl<S: Seal> fmt::Debug for SecretFile<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile").field("path", &self.0.path).field("seal", &self.0.seal).finish_non_exhaustive()
    }
}
