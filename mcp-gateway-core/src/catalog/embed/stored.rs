//! Vectors in a file: a head that names the model, the vectors, and a hash of both.

use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{Embedder, Key, Vector};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, AtomicFile};

/// What a file begins with; the last figure is the version of the form.
const MARK: &[u8; 8] = b"mcpgwv\x00\x01";
const HASH: usize = 32;

/// The vectors of a file, as far as they are of this model; none where there is no file, or it is of another model.
pub(super) fn read(file: &Path, embedder: &dyn Embedder, most: usize) -> Result<Vec<(Key, Vector)>> {
    let head = head(embedder);
    let one = size_of::<Key>() + size_of::<f32>() + embedder.dimension();
    let limit = head.len() + most.saturating_mul(one) + HASH;
    let Some(bytes) = fs::read_bytes(file, limit as u64)? else { return Ok(Vec::new()) };
    let broken = || Error::new(ErrorKind::InvalidConfig, "the file is broken");
    let (content, hash) = bytes.split_last_chunk::<HASH>().ok_or_else(broken)?;
    if Sha256::digest(content)[..] != hash[..] {
        return Err(broken());
    }
    let Some(rest) = content.strip_prefix(head.as_slice()) else { return Ok(Vec::new()) };
    let all = rest.chunks_exact(one);
    if !all.remainder().is_empty() {
        return Err(broken());
    }
    let read = |bytes: &[u8]| {
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (scale, figures) = rest.split_first_chunk::<4>()?;
        let scale = Some(f32::from_le_bytes(*scale)).filter(|scale| scale.is_finite())?;
        Some((*key, Vector { scale, figures: figures.iter().map(|byte| byte.cast_signed()).collect() }))
    };
    all.map(read).collect::<Option<_>>().ok_or_else(broken)
}

/// Puts a file in place of the one that is there.
pub(super) fn write<'a>(
    file: &Path,
    embedder: &dyn Embedder,
    vectors: impl Iterator<Item = (&'a Key, &'a Vector)>,
) -> Result<()> {
    let mut hash = Sha256::new();
    let mut written = AtomicFile::begin(file)?;
    let mut put = |bytes: &[u8]| {
        hash.update(bytes);
        written.write_all(bytes).map_err(|cause| fs::io_error("write", file, cause))
    };
    put(&head(embedder))?;
    for (key, vector) in vectors {
        put(key)?;
        put(&vector.scale.to_le_bytes())?;
        put(&vector.figures.iter().map(|figure| figure.cast_unsigned()).collect::<Vec<u8>>())?;
    }
    let hash = hash.finalize();
    written.write_all(&hash).map_err(|cause| fs::io_error("write", file, cause))?;
    written.finish()
}

fn head(embedder: &dyn Embedder) -> Vec<u8> {
    let model = embedder.model();
    let mut head = MARK.to_vec();
    head.extend((embedder.dimension() as u32).to_le_bytes());
    head.extend((model.len() as u32).to_le_bytes());
    head.extend(model.as_bytes());
    head
}
