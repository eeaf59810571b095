//! A thread that starts children and lives as long as the runtime.
//!
//! The kernel ends a child when the *thread* that started it ends, so no short-lived thread may start one.

use std::io;
use std::process::Command;
use std::sync::{Arc, mpsc};

use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::sandbox::exec::{signal_group, signal_process};
use super::stats;
use super::watchdog::Watchdog;
use crate::error::{Error, ErrorKind, Result};

type Job = (Command, bool, Handle, oneshot::Sender<io::Result<Spawned>>);

/// Starts children in a thread of its own.
#[derive(Debug)]
pub(super) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

/// A child and its group; dropped, both are killed.
#[derive(Debug)]
pub(super) struct Spawned {
    // Dropped first: while the child was not waited for, nobody else can have its number.
    pub(super) group: Group,
    pub(super) child: Child,
}

/// A child with all that come from it.
#[derive(Debug)]
pub(super) struct Group {
    members: Members,
    watchdog: Option<Arc<Watchdog>>,
    ended: bool,
}

/// Where a child and all that come from it are found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members {
    pub(super) leader: u32,
    /// Whether the leader is a helper that keeps namespaces, in which groups may have been formed.
    pub(super) contained: bool,
}

impl Spawner {
    pub(super) fn start() -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let watchdog = Arc::new(Watchdog::default());
        std::thread::Builder::new()
            .name("mcp-gateway-spawn".to_owned())
            .spawn(move || {
                for (command, contained, runtime, answer) in queue {
                    let _entered = runtime.enter();
                    // A child whose caller is gone is dropped, and killed by that.
                    let _ = answer.send(spawn(command, contained, &watchdog));
                }
            })
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, "thread for children could not be started").with_source(cause)
            })?;
        Ok(Self { jobs })
    }

    /// Starts a child whose command makes it the leader of a group.
    pub(super) async fn spawn(&self, command: Command, contained: bool) -> io::Result<Spawned> {
        let (answer, child) = oneshot::channel();
        let gone = || io::Error::other("the thread for children has ended");
        self.jobs.send((command, contained, Handle::current(), answer)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

fn spawn(command: Command, contained: bool, watchdog: &Arc<Watchdog>) -> io::Result<Spawned> {
    let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let leader = child.id().ok_or_else(|| io::Error::other("process ended at once"))?;
    let watchdog = (!contained).then(|| Arc::clone(watchdog));
    if let Some(watchdog) = &watchdog {
        watchdog.add(leader);
    }
    Ok(Spawned { group: Group { members: Members { leader, contained }, watchdog, ended: false }, child })
}

impl Group {
    pub(super) fn members(&self) -> Members {
        self.members
    }

    /// The child has ended: so do all that came from it.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.members.signal(libc::SIGKILL);
            if let Some(watchdog) = &self.watchdog {
                watchdog.remove(self.members.leader);
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

impl Members {
    /// Sends a signal to all.
    pub(super) fn signal(self, signal: libc::c_int) {
        signal_group(self.leader, signal);
        if self.contained && signal != libc::SIGKILL {
            for pid in stats::tree(self.leader).into_iter().skip(1) {
                signal_process(pid, signal);
            }
        }
    }

    /// Asks the server and its children to end; helpers stay, because everything ends at once with them.
    pub(super) fn terminate(self) {
        if !self.contained {
            return self.signal(libc::SIGTERM);
        }
        // The leader and the first process of its namespace, which waits for the others.
        for pid in stats::tree(self.leader).into_iter().skip(2) {
            signal_process(pid, libc::SIGTERM);
        }
    }
}
