//! A thread that starts children and lives as long as the runtime.
//!
//! The kernel ends a child when the *thread* that started it ends, so no short-lived thread may start one.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};

type Job = (Command, Handle, oneshot::Sender<io::Result<Child>>);

/// Starts children in a thread of its own.
#[derive(Debug)]
pub(super) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

impl Spawner {
    pub(super) fn start() -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("mcp-gateway-spawn".to_owned())
            .spawn(move || {
                for (mut command, runtime, answer) in queue {
                    let _entered = runtime.enter();
                    // A child whose caller is gone is dropped, and killed by that.
                    let _ = answer.send(command.spawn());
                }
            })
            .map_err(|cause| {
                Error::new(ErrorKind::Internal, "thread for children could not be started").with_source(cause)
            })?;
        Ok(Self { jobs })
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (answer, child) = oneshot::channel();
        let gone = || io::Error::other("the thread for children has ended");
        self.jobs.send((command, Handle::current(), answer)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}
