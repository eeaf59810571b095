//! Runs a helper of the gateway to its end.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::process::child::describe;
use crate::runtime::process::output::Lines;
use crate::runtime::process::spawner::{Spawned, Spawner};

/// How much of standard output is kept.
const OUTPUT_BYTES: usize = 256 * 1024;
/// How many lines of standard error are kept, and how much of each.
const ERROR_LINES: usize = 12;
const ERROR_CHARS: usize = 240;

/// What a helper printed.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    /// The last lines of standard error.
    pub(super) stderr: Vec<String>,
    end: String,
}

/// Runs a command to its end; it is killed with all that it started when the time is up or nobody waits any more.
///
/// # Errors
/// `RuntimeUnavailable` when it cannot be started, `Timeout`.
pub(super) async fn to_end(
    spawner: &Spawner,
    mut command: Command,
    contained: bool,
    limit: Duration,
) -> Result<Finished> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_owned();
    let spawned = spawner.spawn(command, contained).await.map_err(|cause| {
        Error::new(ErrorKind::RuntimeUnavailable, "helper could not be started")
            .with_context("program", program.display())
            .with_source(cause)
    })?;
    tokio::time::timeout(limit, finish(spawned)).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, format!("not done within {}", humantime::format_duration(limit)))
            .with_context("program", program.display()))
    })
}

async fn finish(mut spawned: Spawned) -> Result<Finished> {
    let (Some(stdout), Some(stderr)) = (spawned.child.stdout.take(), spawned.child.stderr.take()) else {
        return Err(Error::new(ErrorKind::Internal, "helper has no pipes"));
    };
    let (stdout, stderr, status) = tokio::join!(collect(stdout), tail(stderr), spawned.child.wait());
    let contained = spawned.group.members().contained;
    spawned.group.end();
    Ok(Finished {
        success: status.as_ref().is_ok_and(std::process::ExitStatus::success),
        stdout,
        stderr,
        end: describe(status, contained),
    })
}

async fn collect(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 8 * 1024]);
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..count.min(OUTPUT_BYTES - kept.len())]);
    }
    kept
}

async fn tail(stream: impl AsyncRead + Unpin) -> Vec<String> {
    let mut lines = Lines::new(stream);
    let mut kept = VecDeque::new();
    while let Some(line) = lines.next().await {
        let text: String =
            String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(ERROR_CHARS).collect();
        if text.trim().is_empty() {
            continue;
        }
        if kept.len() == ERROR_LINES {
            kept.pop_front();
        }
        kept.push_back(text);
    }
    kept.into()
}

impl Finished {
    /// How it ended and its last words.
    pub(super) fn reason(&self) -> String {
        [self.end.as_str()].into_iter().chain(self.stderr.iter().map(String::as_str)).collect::<Vec<_>>().join(" | ")
    }
}
