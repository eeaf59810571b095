//! The audit file: opening, schema, appending and querying, all blocking.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params, params_from_iter};

use super::error::SqliteError;
use super::torn::{self, Torn};
use super::{Durability, SqliteAuditConfig};
use crate::audit::checkpoint::{CHECKPOINT, Head, Signing};
use crate::audit::{AuditQuery, AuditRecord, KeptRecord};
use crate::error::Result;
use crate::util::fs;

/// Marks the file as ours: `MCPA`.
const APPLICATION_ID: i32 = 0x4d43_5041;
/// The version of the schema below.
const VERSION: i32 = 1;
/// How long another process may hold the file.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
const BUSY_POLL: Duration = Duration::from_millis(5);

/// The condition that the index below serves; a file of an earlier version has no such index, and is searched without.
const ACTION: &str = "event ->> '$.action' = ?";
const ACTION_INDEX: &str = "CREATE INDEX IF NOT EXISTS records_action ON records (event ->> '$.action')";

/// The columns that are searched for are computed from the event, so that they cannot say anything else.
const SCHEMA: &str = "
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    event TEXT NOT NULL,
    time INTEGER GENERATED ALWAYS AS (event ->> '$.time') VIRTUAL,
    server TEXT GENERATED ALWAYS AS (event ->> '$.server') VIRTUAL,
    name TEXT GENERATED ALWAYS AS (event ->> '$.name') VIRTUAL,
    principal TEXT GENERATED ALWAYS AS (event ->> '$.principal') VIRTUAL,
    outcome TEXT GENERATED ALWAYS AS (event ->> '$.outcome') VIRTUAL
) STRICT;
CREATE INDEX records_time ON records (time);
CREATE INDEX records_server ON records (server);
CREATE INDEX records_name ON records (name);
CREATE INDEX records_principal ON records (principal);
CREATE INDEX records_outcome ON records (outcome);
CREATE TRIGGER records_in_order BEFORE INSERT ON records
    WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM records)
    BEGIN SELECT raise(ABORT, 'audit records are appended in order'); END;
CREATE TRIGGER records_no_update BEFORE UPDATE ON records
    BEGIN SELECT raise(ABORT, 'audit records are never changed'); END;
";
/// Taken out only for the moment in which records that stand in a closed file are removed.
const NO_DELETE: &str = "
CREATE TRIGGER records_no_delete BEFORE DELETE ON records
    BEGIN SELECT raise(ABORT, 'audit records are never deleted'); END;
";

/// Opens a file for appending; makes it where there is none.
///
/// Also says what a crash has left at the end, which this opening takes away.
pub(super) fn open_for_append(config: &SqliteAuditConfig) -> Result<(Connection, Option<Torn>)> {
    // Made before SQLite sees it, so that it and the files beside it are never readable by others.
    fs::create_private(&config.path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepare(config, flags).map_err(|error| error.at(&config.path))
}

fn prepare(config: &SqliteAuditConfig, flags: OpenFlags) -> Result<(Connection, Option<Torn>), SqliteError> {
    let mut connection = Connection::open_with_flags(&config.path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    // Several processes may do this to a new file at once, and SQLite does not wait for this change by itself.
    let until = Instant::now() + BUSY_LIMIT;
    loop {
        let changed = connection.pragma_update(None, "journal_mode", "WAL").map_err(SqliteError::from);
        match changed {
            Err(error) if error.is_busy() && Instant::now() < until => std::thread::sleep(BUSY_POLL),
            done => break done?,
        }
    }
    let synchronous = match config.durability {
        Durability::Normal => "NORMAL",
        Durability::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    if let Some(max_bytes) = config.max_bytes {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = (i64::try_from(max_bytes).unwrap_or(i64::MAX) / page.max(1)).max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Nobody else writes now. A log that cannot be looked at is one that SQLite could not have opened.
    let torn = torn::look(&config.path).unwrap_or_default();
    if !has_schema(&transaction)? {
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(NO_DELETE)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.execute_batch(ACTION_INDEX)?;
    transaction.commit()?;
    Ok((connection, torn))
}

/// Opens a file for queries.
pub(super) fn open_for_query(path: &Path) -> Result<Connection> {
    let open = || -> Result<Connection, SqliteError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        if has_schema(&connection)? { Ok(connection) } else { Err(SqliteError::Foreign) }
    };
    open().map_err(|error| error.at(path))
}

/// Whether the file holds our schema; `false` for an empty file, an error for any other.
fn has_schema(connection: &Connection) -> Result<bool, SqliteError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (tables, application, version) {
        (0, 0, 0) => Ok(false),
        (_, APPLICATION_ID, VERSION) => Ok(true),
        (_, APPLICATION_ID, newer) if newer > VERSION => Err(SqliteError::Newer),
        _ => Err(SqliteError::Foreign),
    }
}

/// When a checkpoint is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// When enough records came since the last one.
    WhenDue,
    /// Unless the last record is one.
    Now,
}

/// What a step has appended.
#[derive(Debug)]
pub(super) struct Appended {
    /// The number of the first record.
    pub(super) first: u64,
    /// The last record of all.
    pub(super) head: Head,
    /// Whether that one is a checkpoint of this step.
    pub(super) is_checkpoint: bool,
}

/// Appends events as one step, with a checkpoint after them where one is due.
pub(super) fn append<'a>(
    connection: &mut Connection,
    events: impl Iterator<Item = &'a str>,
    signing: Option<&Signing>,
    sign: Sign,
) -> Result<Appended, SqliteError> {
    // Takes the right to write before it reads, so that the last record stays the last one.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last = transaction
        .prepare_cached("SELECT sequence, hash, event ->> '$.action' FROM records ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?)))
        .optional()?;
    let (before, hash, action): (i64, String, _) = last.unwrap_or_else(|| (0, AuditRecord::GENESIS.to_owned(), None));
    let before = before.cast_unsigned();
    let mut head = Head::new(before, hash);
    let mut is_checkpoint = false;
    {
        let mut insert = transaction
            .prepare_cached("INSERT INTO records (sequence, previous, hash, event) VALUES (?1, ?2, ?3, ?4)")?;
        let mut push = |head: &mut Head, event: &str| -> Result<(), SqliteError> {
            let sequence = head.sequence + 1;
            let hash = AuditRecord::hash_of(sequence, &head.hash, event);
            insert.execute(params![sequence.cast_signed(), head.hash, hash, event])?;
            *head = Head { sequence, hash };
            Ok(())
        };
        for event in events {
            push(&mut head, event)?;
        }
        let is_due = |signing: &Signing| match sign {
            Sign::WhenDue => head.sequence / signing.every > before / signing.every,
            Sign::Now => head.sequence > before || (before > 0 && action.as_deref() != Some(CHECKPOINT)),
        };
        if let Some(signing) = signing.filter(|signing| is_due(signing)) {
            let text = signing.checkpoint(&head).into_text().map_err(|_| SqliteError::Stopped)?;
            push(&mut head, &text)?;
            is_checkpoint = true;
        }
    }
    transaction.commit()?;
    Ok(Appended { first: before + 1, head, is_checkpoint })
}

/// The number of the first record, and of the last checkpoint; both zero where there is none.
pub(super) fn bounds(connection: &Connection) -> Result<(u64, u64), SqliteError> {
    let sql = format!(
        "SELECT coalesce((SELECT min(sequence) FROM records), 0), coalesce((SELECT max(sequence) FROM records WHERE {ACTION}), 0)"
    );
    let (first, checkpoint): (i64, i64) =
        connection.query_row(&sql, [CHECKPOINT], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((first.cast_unsigned(), checkpoint.cast_unsigned()))
}

/// As [`bounds`], of what every further query of this connection sees.
pub(super) fn begin_reading(connection: &Connection) -> Result<(u64, u64), SqliteError> {
    connection.execute_batch("BEGIN")?;
    bounds(connection)
}

/// The time of the second record: the first of a file that was rotated is the checkpoint of the one before.
pub(super) fn oldest(connection: &Connection) -> Result<Option<i64>, SqliteError> {
    let sql = "SELECT time FROM records ORDER BY sequence LIMIT 1 OFFSET 1";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?.flatten())
}

/// The bytes that records take up.
pub(super) fn used_bytes(connection: &Connection) -> Result<u64, SqliteError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(pages.saturating_mul(number("page_size")?).cast_unsigned())
}

/// Hands on every record up to a number, as it is kept.
pub(super) fn each_until<E: From<SqliteError>>(
    connection: &Connection,
    last: u64,
    mut take: impl FnMut(KeptRecord) -> Result<(), E>,
) -> Result<(), E> {
    let sql = "SELECT sequence, previous, hash, event FROM records WHERE sequence <= ? ORDER BY sequence";
    let mut statement = connection.prepare(sql).map_err(SqliteError::from)?;
    let mut rows = statement.query([last.cast_signed()]).map_err(SqliteError::from)?;
    while let Some(row) = rows.next().map_err(SqliteError::from)? {
        let read = || -> rusqlite::Result<KeptRecord> {
            let sequence = row.get::<_, i64>(0)?.cast_unsigned();
            Ok(KeptRecord { sequence, previous: row.get(1)?, hash: row.get(2)?, text: row.get(3)? })
        };
        take(read().map_err(SqliteError::from)?)?;
    }
    Ok(())
}

/// Removes the records before a checkpoint that stand in a closed file; `false` when somebody else did.
pub(super) fn remove_before(connection: &mut Connection, first: u64, checkpoint: u64) -> Result<bool, SqliteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if bounds(&transaction)?.0 != first {
        return Ok(false);
    }
    transaction.execute_batch("DROP TRIGGER records_no_delete")?;
    transaction.execute("DELETE FROM records WHERE sequence < ?", [checkpoint.cast_signed()])?;
    transaction.execute_batch(NO_DELETE)?;
    transaction.commit()?;
    Ok(true)
}

/// The records that match, oldest first.
pub(super) fn query(connection: &Connection, query: &AuditQuery, path: &Path) -> Result<Vec<AuditRecord>> {
    let rows = matching(connection, query).map_err(|error| error.at(path))?;
    rows.into_iter()
        .rev()
        .map(|(sequence, previous, hash, event)| {
            AuditRecord::from_kept(sequence, previous, hash, event)
                .map_err(|error| error.with_context("file", path.display()))
        })
        .collect()
}

type Row = (u64, String, String, String);

fn matching(connection: &Connection, query: &AuditQuery) -> Result<Vec<Row>, SqliteError> {
    let number = |value: u64| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let conditions = [
        ("time >= ?", query.since.map(Value::Integer)),
        ("server = ?", query.server.as_ref().map(|server| Value::Text(server.to_string()))),
        ("name = ?", query.name.clone().map(Value::Text)),
        ("principal = ?", query.principal.clone().map(Value::Text)),
        (ACTION, query.action.clone().map(Value::Text)),
        ("outcome = ?", query.outcome.map(|outcome| Value::Text(outcome.as_str().to_owned()))),
        ("sequence > ?", query.after.map(number)),
        ("sequence < ?", query.before.map(number)),
    ];
    let mut sql = "SELECT sequence, previous, hash, event FROM records WHERE 1".to_owned();
    let mut values = Vec::new();
    for (condition, value) in conditions {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY sequence DESC LIMIT ?");
    values.push(number(query.effective_limit() as u64));
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
