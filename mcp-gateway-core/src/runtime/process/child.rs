//! One server from its start to its end.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncRead;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::output::Lines;
use super::spawner::Spawned;
use super::state::Traces;
use super::table::{Running, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::protocol::Message;
use crate::runtime::InstanceStatus;
use crate::runtime::egress::Door;
use crate::runtime::secret_files::SecretFiles;
use crate::transport::client::{Connection, Diagnostics, MessageSink, connect_stream};

/// How long the last words of a server that has ended are waited for; a stranger may hold the pipe open for longer.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A server and what has to go when it has gone.
#[derive(Debug)]
pub(super) struct Supervised {
    // Dropped in this order: the processes first, then what they leave on disk.
    pub(super) spawned: Spawned,
    pub(super) door: Option<Door>,
    pub(super) _files: Option<SecretFiles>,
    pub(super) _traces: Traces,
    pub(super) grace: Duration,
}

impl Supervised {
    /// Connects to the server and looks after it until it has ended.
    pub(super) fn run(
        mut self,
        table: &Arc<Table>,
        status: InstanceStatus,
        secrets: Vec<SecretValue>,
        max_message_bytes: usize,
    ) -> Result<Connection> {
        let child = &mut self.spawned.child;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::new(ErrorKind::Internal, "process has no pipes"));
        };
        let diagnostics = Arc::new(Diagnostics::new(secrets));
        diagnostics.expect_exit();
        let mut connection = connect_stream(output, input, max_message_bytes, Arc::clone(&diagnostics));
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let input = Arc::clone(&connection.sink);
        connection.sink =
            Arc::new(StopsChild { inner: Arc::clone(&input), _dropped: stop.clone().drop_guard(), stop: stop.clone() });
        let id = status.id.clone();
        let traffic = self.door.as_ref().map(Door::traffic);
        table.insert(Running { status, members: self.spawned.group.members(), traffic, stop: stop.clone(), ended });
        let listening = tokio::spawn(listen(errors, Arc::clone(&diagnostics)));
        // Removed from the table also where what drives this is gone before it ever ran.
        let entered = Entered(Arc::clone(table), id);
        tokio::spawn(async move {
            let status = self.end(&stop, &*input).await;
            // The last words are read before the end is told.
            let _ = tokio::time::timeout(LAST_WORDS, listening).await;
            let contained = self.spawned.group.members().contained;
            diagnostics.set_closed(Error::new(ErrorKind::ServerExited, describe(status, contained)));
            diagnostics.exited();
            // A server may leave many files.
            let _ = tokio::task::spawn_blocking(move || drop(self)).await;
            drop(entered);
        });
        Ok(connection)
    }

    /// Waits for the end of the server; when that is asked for, helps it along.
    async fn end(&mut self, stop: &CancellationToken, input: &dyn MessageSink) -> std::io::Result<ExitStatus> {
        let Spawned { group, child } = &mut self.spawned;
        tokio::select! {
            status = child.wait() => {
                // Its children are not to outlive it.
                group.end();
                return status;
            }
            () = stop.cancelled() => {}
        }
        input.close().await;
        let members = group.members();
        // A paused process sees neither the end of its input nor a signal.
        members.signal(libc::SIGCONT);
        let steps: [fn(super::spawner::Members); 3] =
            [|_| {}, super::spawner::Members::terminate, |members| members.signal(libc::SIGKILL)];
        for step in steps {
            step(members);
            if let Ok(status) = tokio::time::timeout(self.grace, child.wait()).await {
                group.end();
                return status;
            }
        }
        // The kernel has not let go of it yet; it can do nothing any more.
        let status = child.wait().await;
        group.end();
        status
    }
}

/// Removes a server from the table.
struct Entered(Arc<Table>, crate::model::InstanceId);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.remove(&self.1);
    }
}

/// Asks for the server's end when the connection is closed or dropped.
#[derive(Debug)]
struct StopsChild {
    inner: Arc<dyn MessageSink>,
    stop: CancellationToken,
    _dropped: DropGuard,
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

async fn listen(errors: impl AsyncRead + Unpin, diagnostics: Arc<Diagnostics>) {
    let mut lines = Lines::new(errors);
    while let Some(line) = lines.next().await {
        diagnostics.note_line(line);
    }
}

/// Why a process ended, in words.
pub(super) fn describe(status: std::io::Result<ExitStatus>, contained: bool) -> String {
    /// What a helper adds to the number of the signal that ended its child.
    const BY_SIGNAL: i32 = 128;
    let status = match status {
        Err(error) => return format!("process was lost: {error}"),
        Ok(status) => status,
    };
    let signal = match (status.signal(), status.code()) {
        (None, Some(code)) if contained && (BY_SIGNAL + 1..BY_SIGNAL + 65).contains(&code) => Some(code - BY_SIGNAL),
        (signal, _) => signal,
    };
    match (signal, status.code()) {
        (Some(libc::SIGSYS), _) => "process was killed for a system call that the sandbox forbids".to_owned(),
        (Some(signal), _) => format!("process was killed by signal {signal}"),
        (None, Some(code)) => format!("process ended with exit status {code}"),
        (None, None) => "process ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_described_alike_with_and_without_a_helper() {
        let ended = |raw, contained| describe(Ok(ExitStatus::from_raw(raw)), contained);
        assert_eq!(ended(3 << 8, false), "process ended with exit status 3");
        assert_eq!(ended(3 << 8, true), "process ended with exit status 3");
        assert_eq!(ended(9, false), "process was killed by signal 9");
        assert_eq!(ended((128 + 9) << 8, true), "process was killed by signal 9");
        assert_eq!(ended((128 + 9) << 8, false), "process ended with exit status 137");
        assert!(ended(libc::SIGSYS, false).contains("sandbox"));
    }
}
