//! One child from its start to its end.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::sandbox::exec::signal_group;
use super::state::Note;
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::protocol::Message;
use crate::runtime::InstanceStatus;
use crate::transport::client::{Connection, Diagnostics, MessageSink, connect_stream};

/// The longest line of standard error that is looked at as one.
const ERROR_LINE: u64 = 8 * 1024;

/// A child and what has to go when it has gone.
#[derive(Debug)]
pub(super) struct Supervised {
    pub(super) child: Child,
    pub(super) _folder: OwnFolder,
    pub(super) _note: Note,
    pub(super) grace: Duration,
}

/// A folder that is removed with everything in it.
#[derive(Debug)]
pub(super) struct OwnFolder(PathBuf);

impl OwnFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Supervised {
    /// Connects to the child and looks after it until it has ended.
    pub(super) fn run(
        mut self,
        table: &Arc<Table>,
        status: InstanceStatus,
        secrets: Vec<SecretValue>,
        max_message_bytes: usize,
    ) -> Result<Connection> {
        let broken = || Error::new(ErrorKind::Internal, "process has no pipes");
        let (Some(input), Some(output), Some(errors)) =
            (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
        else {
            return Err(broken());
        };
        let group = self.child.id().ok_or_else(broken)?;
        let diagnostics = Arc::new(Diagnostics::new(secrets));
        diagnostics.expect_exit();
        let mut connection = connect_stream(output, input, max_message_bytes, Arc::clone(&diagnostics));
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        connection.sink =
            Arc::new(StopsChild { inner: connection.sink, _stop: stop.clone().drop_guard(), stop: stop.clone() });
        let id = status.id.clone();
        table.insert(status, group, stop.clone(), ended);
        let listening = tokio::spawn(listen(errors, Arc::clone(&diagnostics)));
        let table = Arc::clone(table);
        tokio::spawn(async move {
            let status = self.end(group, &stop).await;
            // The last words are read before the end is told; a grandchild may hold the pipe open for longer.
            let _ = tokio::time::timeout(Duration::from_millis(200), listening).await;
            diagnostics.set_closed(Error::new(ErrorKind::ServerExited, describe(status)));
            diagnostics.exited();
            drop(self);
            table.remove(&id);
        });
        Ok(connection)
    }

    /// Waits for the end of the child; when that is asked for, helps it along.
    async fn end(&mut self, group: u32, stop: &CancellationToken) -> std::io::Result<ExitStatus> {
        tokio::select! {
            status = self.child.wait() => {
                // Its children are not to outlive it.
                signal_group(group, libc::SIGKILL);
                return status;
            }
            () = stop.cancelled() => {}
        }
        // A stopped process does not see its end of input.
        signal_group(group, libc::SIGCONT);
        for signal in [None, Some(libc::SIGTERM), Some(libc::SIGKILL)] {
            if let Some(signal) = signal {
                signal_group(group, signal);
            }
            if let Ok(status) = tokio::time::timeout(self.grace, self.child.wait()).await {
                signal_group(group, libc::SIGKILL);
                return status;
            }
        }
        self.child.wait().await
    }
}

/// Asks for the child's end when the connection is closed or dropped.
#[derive(Debug)]
struct StopsChild {
    inner: Arc<dyn MessageSink>,
    stop: CancellationToken,
    _stop: DropGuard,
}

#[async_trait]
impl MessageSink for StopsChild {
    async fn send(&self, message: &Message) -> Result<()> {
        self.inner.send(message).await
    }

    async fn close(&self) {
        self.inner.close().await;
        self.stop.cancel();
    }
}

async fn listen(errors: ChildStderr, diagnostics: Arc<Diagnostics>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut errors).take(ERROR_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => diagnostics.note_line(&line),
        }
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Err(error) => format!("process was lost: {error}"),
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("process ended with exit status {code}"),
            (None, Some(libc::SIGSYS)) => "process was killed for a system call that the sandbox forbids".to_owned(),
            (None, Some(signal)) => format!("process was killed by signal {signal}"),
            (None, None) => "process ended".to_owned(),
        },
    }
}
