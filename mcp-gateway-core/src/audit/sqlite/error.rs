//! What can go wrong with an audit file.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteError {
    #[error("audit file cannot be read or written")]
    Sqlite(#[source] rusqlite::Error),
    #[error("file is not an audit file")]
    Foreign,
    #[error("audit file was written by a newer version")]
    Newer,
    #[error("audit file was removed or replaced while in use")]
    Replaced,
    #[error("the writer of the audit file has stopped")]
    Stopped,
    #[error("audit file was opened for reading only")]
    ReadOnly,
}

impl From<rusqlite::Error> for SqliteError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sqlite(cause)
    }
}

impl SqliteError {
    /// Whether another process holds the file just now.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(cause)
            if matches!(cause.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)))
    }

    /// The public error, naming the file.
    pub(super) fn at(self, path: &Path) -> Error {
        let (kind, message, hint) = match &self {
            Self::Sqlite(cause) => of_code(cause.sqlite_error_code()),
            Self::Foreign => (ErrorKind::InvalidConfig, None, "name another file"),
            Self::Newer => (ErrorKind::Unsupported, None, "use that version, or name another file"),
            Self::Replaced => (ErrorKind::Io, None, "find out who did it, then restart the gateway"),
            Self::Stopped => (ErrorKind::Io, None, "restart the gateway"),
            Self::ReadOnly => (ErrorKind::Unsupported, None, "open it with `SqliteAudit::open`"),
        };
        let message = message.map_or_else(|| self.to_string(), str::to_owned);
        let error = Error::new(kind, message).with_context("file", path.display()).with_hint(hint);
        match self {
            Self::Sqlite(cause) => error.with_source(cause),
            _ => error,
        }
    }
}

fn of_code(code: Option<ErrorCode>) -> (ErrorKind, Option<&'static str>, &'static str) {
    match code {
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Io,
            Some("no room for further audit records"),
            "free space on the disk, raise the file's limit, or move the file away",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (ErrorKind::Io, Some("audit file cannot be written"), "check the permissions of the file and its folder")
        }
        Some(ErrorCode::CannotOpen) => {
            (ErrorKind::Io, Some("audit file cannot be opened"), "check that its folder exists and can be written")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            ErrorKind::InvalidConfig,
            Some("audit file is damaged"),
            "move it away and keep it; a new one is then made",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Timeout,
            Some("another process holds the audit file"),
            "see who has it open, for example with `fuser`",
        ),
        _ => (ErrorKind::Io, None, "check the disk and the file"),
    }
}
