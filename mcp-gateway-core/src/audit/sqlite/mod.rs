//! Records in a SQLite file.
#![doc = include_str!("docs.md")]

mod config;
mod error;
mod file;
pub(crate) mod segment;
mod spill;
pub(crate) mod torn;
mod trail;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use self::error::SqliteError;
use self::writer::Writer;
use super::{AuditEvent, AuditQuery, AuditRecord, AuditStore};
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

pub use config::{Durability, Overload, Rotation, SqliteAuditConfig};

/// How long a query may take.
const QUERY_LIMIT: Duration = Duration::from_secs(30);

/// A store that keeps records in a SQLite file.
///
/// # Behavior
/// - Records that wait at the same moment are written as one step; `append` returns after the commit of its step.
/// - Several stores, in this process and in others, may append to the same file.
/// - Records in closed files are found as those in the file itself.
/// - A record whose caller gave up waiting is kept all the same.
/// - Dropping the store writes what still waits, for up to 15 seconds.
///
/// # Examples
/// ```no_run
/// use mcp_gateway_core::audit::{Durability, SqliteAudit, SqliteAuditConfig};
///
/// let store = SqliteAudit::open(SqliteAuditConfig::new("dev.audit.db").with_durability(Durability::Full))?;
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SqliteAudit {
    path: PathBuf,
    writer: Option<Writer>,
}

impl SqliteAudit {
    /// Opens a file and makes it where there is none; waits for the disk, and up to 5 seconds for other processes.
    ///
    /// # Errors
    /// `InvalidConfig` when the file is damaged or no audit file, `Unsupported` when a newer version wrote it, `Timeout`
    /// when another process holds it, `Io` otherwise.
    pub fn open(config: impl Into<SqliteAuditConfig>) -> Result<Self> {
        let config = config.into();
        let path = config.path.clone();
        let writer = Writer::start(config).map_err(|error| error.with_operation("SqliteAudit::open"))?;
        Ok(Self { path, writer: Some(writer) })
    }

    /// Opens a file for queries only; `append` is then `Unsupported`.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, otherwise as [`open`](Self::open).
    pub fn open_read_only(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let checked = if fs::exists(&path) {
            file::open_for_query(&path).map(drop)
        } else {
            Err(Error::new(ErrorKind::NotFound, "there is no audit file yet").with_context("file", path.display()))
        };
        checked.map_err(|error| error.with_operation("SqliteAudit::open_read_only"))?;
        Ok(Self { path, writer: None })
    }

    async fn read(&self, query: AuditQuery) -> Result<Vec<AuditRecord>> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let connection = file::open_for_query(&path)?;
            // One look at the file: what is moved into a closed one meanwhile is in neither or in both otherwise.
            let (first, _) = file::begin_reading(&connection).map_err(|error| error.at(&path))?;
            let newer = file::query(&connection, &query, &path)?;
            segment::with_older(&path, first, &query, newer)
        });
        match tokio::time::timeout(QUERY_LIMIT, read).await {
            Ok(Ok(records)) => records,
            Ok(Err(cause)) => Err(Error::new(ErrorKind::Internal, "the audit query broke off").with_source(cause)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the audit query takes too long")
                .with_context("file", self.path.display())
                .with_hint("ask for fewer records")),
        }
    }
}

/// The file beside a trail that says how far its newest checkpoint goes.
pub(crate) fn head_file(active: &Path) -> PathBuf {
    let mut path = active.as_os_str().to_owned();
    path.push(".head");
    path.into()
}

#[async_trait]
impl AuditStore for SqliteAudit {
    async fn append(&self, event: AuditEvent) -> Result<u64> {
        let appended = match &self.writer {
            Some(writer) => writer.append(event.into_text()?).await,
            None => Err(SqliteError::ReadOnly.at(&self.path)),
        };
        appended.map_err(|error| error.with_operation("SqliteAudit::append"))
    }

    async fn checkpoint(&self) -> Result<()> {
        match &self.writer {
            Some(writer) => writer.checkpoint().await.map_err(|error| error.with_operation("SqliteAudit::checkpoint")),
            None => Ok(()),
        }
    }

    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        self.read(query.clone()).await.map_err(|error| error.with_operation("SqliteAudit::query"))
    }
}

#[cfg(test)]
mod tests;
