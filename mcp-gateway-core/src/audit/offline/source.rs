//! Reading every record of a trail in order, whatever has become of it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use crate::audit::sqlite::segment::{Segment, next_line};
use crate::audit::{AuditRecord, KeptRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

/// What a SQLite file begins with.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// How long another process may hold the file.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// What stands at one place of a trail.
#[derive(Debug)]
pub(super) enum Found {
    Record(Box<AuditRecord>),
    /// Something that is no record, with its number where that can be read, and why it is none.
    Unreadable(Option<u64>, String),
    /// Something is wrong with the file itself.
    Damage(String),
    /// So many bytes at the end belong to no finished step.
    Torn(u64),
}

/// The files of a trail, oldest first.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) files: Vec<PathBuf>,
    /// The newest file, where it is a database.
    database: Option<Connection>,
}

impl Source {
    /// The trail that this file is the newest part of.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut begin = [0; 16];
        let mut reader = fs::reader(path)?;
        let mut filled = 0;
        while filled < begin.len() {
            match reader.read(&mut begin[filled..]).map_err(|cause| fs::io_error("read", path, cause))? {
                0 => break,
                count => filled += count,
            }
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_lines = begin[..filled].first() == Some(&b'{') || matches!(extension, Some("jsonl"));
        if is_lines {
            return Ok(Self { files: vec![path.to_owned()], database: None });
        }
        if begin != *SQLITE {
            return Err(Error::new(ErrorKind::InvalidConfig, "file is not an audit file")
                .with_context("file", path.display())
                .with_hint("name a file of the folder `audit` of the home, or a copy of one"));
        }
        let database = open(path).map_err(|cause| cannot_open(path, cause))?;
        // One look at the file: what a gateway moves meanwhile is in neither file or in both otherwise.
        let first = database.execute_batch("BEGIN").and_then(|()| {
            database.query_row("SELECT min(sequence) FROM records NOT INDEXED", [], |row| row.get::<_, Option<i64>>(0))
        });
        // Of a file that cannot be read, everything is shown that is there.
        let first = first.ok().flatten().map_or(u64::MAX, i64::cast_unsigned);
        let older = Segment::before(path, first)?;
        let mut files: Vec<PathBuf> = older.into_iter().map(|segment| segment.path).collect();
        files.push(path.to_owned());
        Ok(Self { files, database: Some(database) })
    }

    /// Hands on everything that is there; what stands in two files that follow each other, once.
    pub(super) fn each(&self, take: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        let mut last: Option<(u64, String)> = None;
        for (number, file) in self.files.iter().enumerate() {
            let mut is_first = number > 0;
            let mut once = |found: Found| {
                let again = match &found {
                    Found::Record(record) => {
                        let own = Some((record.sequence, record.hash.clone()));
                        let again = is_first && own == last;
                        last = own;
                        again
                    }
                    _ => false,
                };
                is_first = false;
                if again { Ok(()) } else { take(found) }
            };
            match &self.database {
                Some(connection) if number + 1 == self.files.len() => database(connection, file, &mut once)?,
                _ => lines(file, &mut once)?,
            }
        }
        Ok(())
    }
}

/// What is in a file of lines.
fn lines(path: &Path, take: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
    let mut reader = fs::reader(path)?;
    let mut number = 0_u64;
    while let Some((line, is_whole)) = next_line(&mut reader, path)? {
        number += 1;
        match serde_json::from_slice::<AuditRecord>(&line) {
            Ok(record) if is_whole => take(Found::Record(Box::new(record)))?,
            Ok(_) => take(Found::Damage(format!("line {number} has no end: the file was cut off or edited")))?,
            Err(_) => {
                let why = if is_whole { "is no record" } else { "is torn" };
                take(Found::Unreadable(None, format!("line {number} {why}")))?;
            }
        }
    }
    Ok(())
}

/// What is in a database: what SQLite thinks of it, then the records, read by their table and not by an index.
fn database(connection: &Connection, path: &Path, take: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
    if let Some(torn) = crate::audit::sqlite::torn::look(path)? {
        take(Found::Torn(torn.bytes))?;
    }
    if let Err(cause) = checked(connection, take)? {
        take(Found::Damage(format!("SQLite finds it damaged: {cause}")))?;
    }
    let mut damage = None;
    let sql = "SELECT sequence, previous, hash, event FROM records NOT INDEXED ORDER BY sequence";
    match connection.prepare(sql) {
        Ok(mut statement) => {
            let mut rows = statement.query([]).map_err(|cause| cannot_open(path, cause))?;
            loop {
                match rows.next() {
                    Ok(Some(row)) => take(record(row))?,
                    Ok(None) => break,
                    Err(cause) => {
                        damage = Some(cause);
                        break;
                    }
                }
            }
        }
        Err(cause) => damage = Some(cause),
    }
    match damage {
        Some(cause) => take(Found::Damage(format!("no further record can be read: {cause}"))),
        None => Ok(()),
    }
}

fn cannot_open(path: &Path, cause: rusqlite::Error) -> Error {
    Error::new(ErrorKind::InvalidConfig, "audit file cannot be opened")
        .with_context("file", path.display())
        .with_hint("verify a copy of the file together with its `-wal` file, while no gateway writes to it")
        .with_source(cause)
}

/// Opens a database for reading; one without a log is not written to by anybody, and nothing is made beside it, so that it
/// may lie on a medium that cannot be written.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let connection = match std::path::absolute(path).ok().as_deref().and_then(Path::to_str) {
        Some(text) if cfg!(unix) && !fs::exists(Path::new(&log)) => {
            let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let address = format!("file:{escaped}?immutable=1");
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        _ => Connection::open_with_flags(path, flags),
    }?;
    connection.busy_timeout(BUSY_LIMIT)?;
    Ok(connection)
}

/// SQLite's own check of every page and index.
fn checked(
    connection: &Connection,
    take: &mut dyn FnMut(Found) -> Result<()>,
) -> Result<std::result::Result<(), rusqlite::Error>> {
    let mut statement = match connection.prepare("PRAGMA integrity_check(20)") {
        Ok(statement) => statement,
        Err(cause) => return Ok(Err(cause)),
    };
    let mut rows = match statement.query([]) {
        Ok(rows) => rows,
        Err(cause) => return Ok(Err(cause)),
    };
    loop {
        match rows.next() {
            Ok(Some(row)) => match row.get::<_, String>(0) {
                Ok(said) if said == "ok" => {}
                Ok(said) => take(Found::Damage(said))?,
                Err(cause) => return Ok(Err(cause)),
            },
            Ok(None) => return Ok(Ok(())),
            Err(cause) => return Ok(Err(cause)),
        }
    }
}

fn record(row: &rusqlite::Row<'_>) -> Found {
    let sequence = row.get::<_, i64>(0).ok().map(i64::cast_unsigned);
    let text = |column| match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    };
    let kept = match (sequence, text(1), text(2), text(3)) {
        (Some(sequence), Some(previous), Some(hash), Some(text)) => KeptRecord { sequence, previous, hash, text },
        _ => return Found::Unreadable(sequence, "its columns are not what was written".to_owned()),
    };
    match AuditRecord::try_from(kept) {
        Ok(record) => Found::Record(Box::new(record)),
        Err(_) => Found::Unreadable(sequence, "its event is no event".to_owned()),
    }
}
