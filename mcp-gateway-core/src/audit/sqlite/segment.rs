//! Closed files: the older part of a trail, one record on each line.

use std::io::{BufRead, Write as _};
use std::path::{Path, PathBuf};

use crate::audit::{AuditQuery, AuditRecord, KeptRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, AtomicFile};

/// The longest line that is read: a record has bounds, and this is above them all.
pub(crate) const MAX_LINE: u64 = 8 * 1024 * 1024;
const EXTENSION: &str = "jsonl";

/// A closed file; its name says which records it holds: `dev.1-1001.1780000000000.jsonl`.
///
/// Its last record is the checkpoint with which the next file begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// When it was closed.
    pub(crate) closed: i64,
}

impl Segment {
    pub(crate) fn of(active: &Path, first: u64, last: u64, closed: i64) -> Self {
        let stem = active.file_stem().and_then(|stem| stem.to_str()).unwrap_or("audit");
        let path = active.with_file_name(format!("{stem}.{first}-{last}.{closed}.{EXTENSION}"));
        Self { path, first, last, closed }
    }

    /// The closed files of a trail, oldest first.
    pub(crate) fn list(active: &Path) -> Result<Vec<Self>> {
        let folder = active.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let stem = active.file_stem().and_then(|stem| stem.to_str()).unwrap_or("audit");
        let mut found: Vec<Self> =
            fs::list(folder, &[EXTENSION])?.into_iter().filter_map(|path| Self::parse(path, stem)).collect();
        found.sort_by_key(|segment| (segment.first, segment.last));
        Ok(found)
    }

    /// The closed files before an active file that begins with this record, oldest first; one that reaches further was
    /// left behind by a move that broke off, and all of it is in the active file still.
    pub(crate) fn before(active: &Path, first: u64) -> Result<Vec<Self>> {
        Ok(Self::list(active)?.into_iter().filter(|segment| segment.last <= first).collect())
    }

    fn parse(path: PathBuf, stem: &str) -> Option<Self> {
        let name = path.file_stem()?.to_str()?.strip_prefix(stem)?.strip_prefix('.')?;
        let (range, closed) = name.split_once('.')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, closed) = (first.parse().ok()?, last.parse().ok()?, closed.parse().ok()?);
        Some(Self { path, first, last, closed })
    }

    /// Writes the file as one step, from records in their order.
    pub(crate) fn write(
        &self,
        fill: impl FnOnce(&mut dyn FnMut(KeptRecord) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let mut file = AtomicFile::begin(&self.path)?;
        fill(&mut |record| {
            let line = line(&record)? + "\n";
            file.write_all(line.as_bytes()).map_err(|cause| fs::io_error("write", &self.path, cause))
        })?;
        file.finish()
    }
}

/// What a query found in the active file, with what it finds in the closed ones; oldest first.
///
/// The active file begins with `first`.
pub(super) fn with_older(
    active: &Path,
    first: u64,
    query: &AuditQuery,
    mut found: Vec<AuditRecord>,
) -> Result<Vec<AuditRecord>> {
    let most = query.effective_limit();
    for segment in Segment::before(active, first)?.into_iter().rev() {
        let is_before = query.after.is_some_and(|after| segment.last <= after);
        let is_old = query.since.is_some_and(|since| segment.closed < since);
        if found.len() >= most || is_before || is_old {
            break;
        }
        if query.before.is_some_and(|before| segment.first >= before) {
            continue;
        }
        let mut older = std::collections::VecDeque::new();
        let mut reader = fs::reader(&segment.path)?;
        while let Some((line, _)) = next_line(&mut reader, &segment.path)? {
            let record: AuditRecord = serde_json::from_slice(&line).map_err(|cause| {
                Error::new(ErrorKind::InvalidConfig, "a closed audit file is damaged")
                    .with_context("file", segment.path.display())
                    .with_hint("run `mcp-gateway audit verify` on it")
                    .with_source(cause)
            })?;
            // The last record of a file is the first of the next.
            if record.sequence < segment.last && query.matches(&record) {
                older.push_back(record);
                if older.len() > most - found.len() {
                    older.pop_front();
                }
            }
        }
        found.splice(..0, older);
    }
    Ok(found)
}

/// A record as a line.
pub(crate) fn line(record: &KeptRecord) -> Result<String> {
    let KeptRecord { sequence, previous, hash, text } = record;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // The event stands in it as it was hashed; a text that is no JSON would not be a line that can be read again.
    serde_json::from_str::<&serde_json::value::RawValue>(text).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "audit record is no JSON")
            .with_context("record", sequence)
            .with_source(cause)
    })?;
    Ok(format!(r#"{{"sequence":{sequence},"previous":{},"hash":{},"event":{text}}}"#, quoted(previous), quoted(hash)))
}

/// The next line without its end; `None` at the end of the file, an error for one that is too long.
///
/// The flag says whether the line has its end: the last line of a file that was torn has none.
pub(crate) fn next_line(reader: &mut impl BufRead, path: &Path) -> Result<Option<(Vec<u8>, bool)>> {
    let mut line = Vec::new();
    let mut limited = std::io::Read::take(&mut *reader, MAX_LINE);
    limited.read_until(b'\n', &mut line).map_err(|cause| fs::io_error("read", path, cause))?;
    if line.is_empty() {
        return Ok(None);
    }
    let is_whole = line.pop_if(|byte| *byte == b'\n').is_some();
    if !is_whole && line.len() as u64 >= MAX_LINE {
        return Err(Error::new(ErrorKind::TooLarge, "a line is longer than any audit record")
            .with_context("file", path.display()));
    }
    Ok(Some((line, is_whole)))
}
