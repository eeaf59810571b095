//! The thread that appends: what is waiting is written as one step.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc as done};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::SqliteAuditConfig;
use super::error::SqliteError;
use super::spill::Spill;
use super::trail::Trail;
use crate::error::{Error, ErrorKind, Result};

/// The most records that wait to be written.
const QUEUE: usize = 1024;
/// The most records that are written as one step.
const BATCH: usize = 256;
/// How long a record may take to be written, waiting included.
const APPEND_LIMIT: Duration = Duration::from_secs(15);
/// How long the end of the program waits for the last records.
const FLUSH_LIMIT: Duration = Duration::from_secs(15);

struct Append {
    /// `None` asks for a checkpoint.
    event: Option<String>,
    kept: oneshot::Sender<Result<u64>>,
}

/// Appends to one file; dropped, it writes what waits and then closes the file.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    spill: Option<Spill>,
    queue: Option<mpsc::Sender<Append>>,
    finished: Mutex<done::Receiver<()>>,
}

impl Writer {
    pub(super) fn start(config: SqliteAuditConfig) -> Result<Self> {
        let path = config.path.clone();
        let trail = Trail::open(config)?;
        let spill = trail.spill();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (finish, finished) = done::channel();
        let thread = Thread { trail, waiting };
        std::thread::Builder::new()
            .name("mcp-audit".to_owned())
            .spawn(move || {
                thread.run();
                // Nobody waits unless the store is being dropped.
                let _ = finish.send(());
            })
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot start the audit thread").with_source(cause))?;
        Ok(Self { path, spill, queue: Some(queue), finished: Mutex::new(finished) })
    }

    /// Hands a record to the thread and waits until it is kept.
    pub(super) async fn append(&self, event: String) -> Result<u64> {
        self.hand_over(Some(event)).await
    }

    /// Waits until everything that was handed over is written and signed.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        self.hand_over(None).await.map(|_| ())
    }

    async fn hand_over(&self, event: Option<String>) -> Result<u64> {
        let stopped = || SqliteError::Stopped.at(&self.path);
        let kept = async {
            let (kept, answer) = oneshot::channel();
            let queue = self.queue.as_ref().ok_or_else(stopped)?;
            let append = Append { event, kept };
            match (queue.try_send(append), &self.spill) {
                (Ok(()), _) => {}
                (Err(TrySendError::Full(Append { event: Some(event), .. })), Some(spill)) => {
                    return keep(spill.clone(), event).await;
                }
                (Err(TrySendError::Full(append)), _) => queue.send(append).await.map_err(|_| stopped())?,
                (Err(TrySendError::Closed(_)), _) => return Err(stopped()),
            }
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

/// Spills one record, off the threads that carry out requests.
async fn keep(spill: Spill, event: String) -> Result<u64> {
    let kept = tokio::task::spawn_blocking(move || spill.keep(std::iter::once(event.as_str()))).await;
    kept.map_err(|cause| Error::new(ErrorKind::Internal, "a record could not be spilled").with_source(cause))?
        .map(|()| 0)
}

struct Thread {
    trail: Trail,
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
            let events: Vec<&str> = batch.iter().filter_map(|append| append.event.as_deref()).collect();
            let first = if events.is_empty() { Ok(0) } else { self.trail.write(&events) };
            if let Err(error) = &first {
                tracing::error!(records = events.len(), error = %error.report(), "audit records could not be written");
            }
            if events.len() < batch.len() {
                self.trail.close();
            }
            let mut number = 0;
            for append in batch.drain(..) {
                let kept = match &append.event {
                    Some(_) => {
                        number += 1;
                        first.clone().map(|first| if first == 0 { 0 } else { first + number - 1 })
                    }
                    None => Ok(0),
                };
                // A caller that gave up does not wait for the answer; its record is kept all the same.
                let _ = append.kept.send(kept);
            }
        }
        self.trail.close();
    }
}
