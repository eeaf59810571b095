//! Vectors that were computed, so that no text is computed twice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::{Embedder, Vector, stored};
use crate::catalog::SearchQuery;
use crate::error::{Error, ErrorKind, Result};

/// The most vectors that are kept: about 80 MB of those of MiniLM.
const MOST: usize = 200_000;
/// How many texts the model is given at once.
const AT_ONCE: usize = 32;
/// The name of the file.
const FILE: &str = "vectors.bin";

/// What tells one text from another: the begin of its SHA-256.
pub(crate) type Key = [u8; 16];

/// Vectors of one model: in memory, and in a file where there is a folder for it.
///
/// # Behavior
/// - The vectors of 200,000 texts are kept; of those that no index holds, the oldest go first.
/// - A file that is broken, or of another model, is ignored and written anew.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use mcp_gateway_core::catalog::{HashedEmbedder, SearchIndex, SearchQuery, VectorCache};
///
/// let cache = Arc::new(VectorCache::new(Arc::new(HashedEmbedder::new())));
/// let mut index = SearchIndex::new().with_vectors(Arc::clone(&cache));
/// index.embed()?;
/// let query = cache.embed_query(SearchQuery::new("weather"))?;
/// assert!(index.search(&query).matches.is_empty());
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Debug)]
pub struct VectorCache {
    embedder: Arc<dyn Embedder>,
    file: Option<PathBuf>,
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with when it came.
    vectors: HashMap<Key, (u64, Arc<Vector>)>,
    next: u64,
    is_new: bool,
}

impl VectorCache {
    /// Keeps vectors in memory.
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder, file: None, most: MOST, kept: Mutex::default() }
    }

    /// Keeps vectors in memory and in a file of this folder, whose vectors are taken over.
    pub fn open(embedder: Arc<dyn Embedder>, folder: &Path) -> Self {
        Self { file: Some(folder.join(FILE)), ..Self::new(embedder) }.read()
    }

    #[cfg(test)]
    pub(super) fn bounded(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// The model.
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.kept().vectors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Computes the vectors of those texts that have none, and writes the file; takes as long as the model does.
    ///
    /// # Errors
    /// What the model says; `TooLarge` where there is no room for so many; `Io` when the file cannot be written. What
    /// was computed until then is kept.
    pub fn learn(&self, texts: &[Arc<str>]) -> Result<()> {
        let learnt = self.compute(texts);
        let written = self.write();
        learnt.and(written)
    }

    /// Adds to a query what it means; it is then searched by words and by meaning where the index has vectors.
    ///
    /// # Errors
    /// What the model says.
    pub fn embed_query(&self, mut query: SearchQuery) -> Result<SearchQuery> {
        query.meaning = self.vectors(&query.sentences())?.into();
        Ok(query)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Vector>> {
        self.kept().vectors.get(key).map(|(_, vector)| Arc::clone(vector))
    }

    /// Computes piece by piece, and holds nobody up meanwhile; the file is written by [`write`](Self::write).
    pub(crate) fn compute(&self, texts: &[Arc<str>]) -> Result<()> {
        let mut wanted: Vec<(Key, &str)> = texts.iter().map(|text| (key(text), &**text)).collect();
        {
            let kept = self.kept();
            wanted.retain(|(key, _)| !kept.vectors.contains_key(key));
        }
        wanted.sort_unstable();
        wanted.dedup_by_key(|(key, _)| *key);
        // Those of one length together, so that a model that fills up the shorter ones has little to do.
        wanted.sort_by_key(|(_, text)| text.len());
        for some in wanted.chunks(AT_ONCE) {
            let texts: Vec<&str> = some.iter().map(|(_, text)| *text).collect();
            let vectors = self.vectors(&texts)?;
            let mut kept = self.kept();
            kept.make_room(self.most, some.len())?;
            some.iter().zip(vectors).for_each(|((key, _), vector)| kept.add(*key, vector));
            kept.is_new = true;
        }
        Ok(())
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vector>> {
        let vectors = self.embedder.embed(texts)?;
        let is_right = |vector: &Vec<f32>| {
            vector.len() == self.embedder.dimension() && vector.iter().all(|figure| figure.is_finite())
        };
        if vectors.len() != texts.len() || !vectors.iter().all(is_right) {
            let message = format!("model `{}` gave vectors of another form than it says", self.embedder.model());
            return Err(Error::new(ErrorKind::Internal, message));
        }
        Ok(vectors.iter().map(|vector| Vector::new(vector)).collect())
    }

    fn read(self) -> Self {
        if let Some(file) = &self.file {
            match stored::read(file, self.embedder.as_ref(), self.most) {
                Ok(vectors) => {
                    let mut kept = self.kept();
                    vectors.into_iter().for_each(|(key, vector)| kept.add(key, vector));
                }
                Err(error) => tracing::warn!(file = %file.display(), "stored vectors are ignored: {}", error.report()),
            }
        }
        self
    }

    /// Writes what is new; of two that write at a time, the later one stays.
    pub(crate) fn write(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut vectors: Vec<_> = {
            let mut kept = self.kept();
            if !std::mem::take(&mut kept.is_new) {
                return Ok(());
            }
            kept.vectors.iter().map(|(key, (came, vector))| (*came, *key, Arc::clone(vector))).collect()
        };
        vectors.sort_unstable_by_key(|(came, key, _)| (*came, *key));
        stored::write(file, self.embedder.as_ref(), vectors.iter().map(|(_, key, vector)| (key, &**vector)))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, key: Key, vector: Vector) {
        self.vectors.insert(key, (self.next, Arc::new(vector)));
        self.next += 1;
    }

    fn make_room(&mut self, most: usize, more: usize) -> Result<()> {
        if self.vectors.len() + more <= most {
            return Ok(());
        }
        let free = self.vectors.iter().filter(|(_, (_, vector))| Arc::strong_count(vector) == 1);
        let mut free: Vec<_> = free.map(|(key, (came, _))| (*came, *key)).collect();
        free.sort_unstable();
        // More than is needed now, because looking for them takes as long as it does.
        let gone = (self.vectors.len() + more - most).max(most / 16);
        free.iter().take(gone).for_each(|(_, key)| drop(self.vectors.remove(key)));
        if self.vectors.len() + more <= most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TooLarge, format!("more than {most} texts are searched by meaning"))
            .with_hint("search fewer catalogs at once; searching by words goes on"))
    }
}

/// The key of a text.
pub(crate) fn key(text: &str) -> Key {
    let hash = Sha256::digest(text);
    std::array::from_fn(|at| hash[at])
}
