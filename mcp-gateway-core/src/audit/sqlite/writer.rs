//! The thread that appends: what is waiting is written as one step.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc as done};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::SqliteAuditConfig;
use super::error::SqliteError;
use super::file;
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs::{self, FileIdentity};

/// The most records that wait to be written.
const QUEUE: usize = 1024;
/// The most records that are written as one step.
const BATCH: usize = 256;
/// How long a record may take to be written, waiting included.
const APPEND_LIMIT: Duration = Duration::from_secs(15);
/// How long the end of the program waits for the last records.
const FLUSH_LIMIT: Duration = Duration::from_secs(15);

struct Append {
    event: String,
    kept: oneshot::Sender<Result<u64>>,
}

/// Appends to one file; dropped, it writes what waits and then closes the file.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    queue: Option<mpsc::Sender<Append>>,
    finished: Mutex<done::Receiver<()>>,
}

impl Writer {
    pub(super) fn start(config: &SqliteAuditConfig) -> Result<Self> {
        let connection = file::open_for_append(config)?;
        let path = config.path.clone();
        let identity = fs::identity(&path);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (finish, finished) = done::channel();
        let thread = Thread { connection, path: path.clone(), identity, waiting };
        std::thread::Builder::new()
            .name("mcp-audit".to_owned())
            .spawn(move || {
                thread.run();
                // Nobody waits unless the store is being dropped.
                let _ = finish.send(());
            })
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot start the audit thread").with_source(cause))?;
        Ok(Self { path, queue: Some(queue), finished: Mutex::new(finished) })
    }

    /// Hands a record to the thread and waits until it is kept.
    pub(super) async fn append(&self, event: String) -> Result<u64> {
        let stopped = || SqliteError::Stopped.at(&self.path);
        let kept = async {
            let (kept, answer) = oneshot::channel();
            let queue = self.queue.as_ref().ok_or_else(stopped)?;
            queue.send(Append { event, kept }).await.map_err(|_| stopped())?;
            answer.await.map_err(|_| stopped())?
        };
        tokio::time::timeout(APPEND_LIMIT, kept).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "audit record could not be written in time")
                .with_context("file", self.path.display()))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(done::RecvTimeoutError::Timeout) = finished.recv_timeout(FLUSH_LIMIT) {
            tracing::error!(file = %self.path.display(), "last audit records could not be written in time");
        }
    }
}

struct Thread {
    connection: Connection,
    path: PathBuf,
    identity: Option<FileIdentity>,
    waiting: mpsc::Receiver<Append>,
}

impl Thread {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = self.waiting.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH
                && let Ok(next) = self.waiting.try_recv()
            {
                batch.push(next);
            }
            let first = self.write(&batch).map_err(|error| error.at(&self.path));
            if let Err(error) = &first {
                tracing::error!(records = batch.len(), error = %error.report(), "audit records could not be written");
            }
            for (number, append) in batch.drain(..).enumerate() {
                // A caller that gave up does not wait for the answer; its record is kept all the same.
                let _ = append.kept.send(first.clone().map(|first| first + number as u64));
            }
        }
    }

    fn write(&mut self, batch: &[Append]) -> Result<u64, SqliteError> {
        // SQLite would go on writing to a file that nobody can find any more.
        if fs::identity(&self.path) != self.identity {
            return Err(SqliteError::Replaced);
        }
        file::append(&mut self.connection, batch.iter().map(|append| append.event.as_str()))
    }
}
