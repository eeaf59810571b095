//! A child process that is run to its end: no shell, a given environment, a deadline, bounded output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// How long output may still come once the process itself has ended: a daemon that it left behind may hold the pipe.
const DRAIN: Duration = Duration::from_millis(200);
const CHUNK: usize = 4096;

/// A command to run.
#[derive(Debug)]
pub(crate) struct ChildCommand<'a> {
    /// The program and its arguments.
    pub(crate) argv: &'a [String],
    /// The whole environment of the child.
    pub(crate) env: &'a [(String, String)],
    /// How long it may take.
    pub(crate) deadline: Duration,
    /// The most that it may print on its standard output.
    pub(crate) max_output: usize,
}

/// What a command that ended has left.
pub(crate) struct ChildOutput {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: Zeroizing<Vec<u8>>,
}

impl ChildCommand<'_> {
    /// Runs the command; when it fails or this future is dropped, the child is killed with all its children.
    ///
    /// # Errors
    /// `NotFound` when there is no such program, `Timeout`, `TooLarge`, `Io`. No error quotes what the command printed.
    pub(crate) async fn run(&self) -> Result<ChildOutput> {
        let (program, arguments) =
            self.argv.split_first().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the command is empty"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn().map_err(|cause| {
            let kind = if cause.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
            Error::new(kind, format!("cannot run `{program}`")).with_source(cause)
        })?;
        let mut group = Group(child);
        let ended = tokio::time::timeout(self.deadline, group.finish(self.max_output)).await;
        match ended {
            Ok(Ok((status, stdout))) => Ok(ChildOutput { code: status.code(), stdout }),
            Ok(Err(Failure::TooLarge)) => {
                Err(Error::new(ErrorKind::TooLarge, format!("`{program}` printed more than {} bytes", self.max_output)))
            }
            Ok(Err(Failure::Io(cause))) => {
                Err(Error::new(ErrorKind::Io, format!("cannot read what `{program}` prints")).with_source(cause))
            }
            Err(_) => Err(Error::new(
                ErrorKind::Timeout,
                format!("`{program}` did not end within {}", humantime::format_duration(self.deadline)),
            )),
        }
    }
}

enum Failure {
    TooLarge,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

/// A child in a process group of its own, killed as a whole unless it has ended.
struct Group(Child);

impl Group {
    async fn finish(&mut self, max_output: usize) -> Result<(ExitStatus, Zeroizing<Vec<u8>>), Failure> {
        let (mut stdout, mut stderr) = (self.0.stdout.take(), self.0.stderr.take());
        // Room for all of it at once: a growing buffer would leave copies of a secret behind.
        let mut output = Zeroizing::new(Vec::with_capacity(max_output + CHUNK));
        let status = {
            let mut printing = std::pin::pin!(async {
                tokio::try_join!(collect(stdout.as_mut(), &mut output, max_output), discard(stderr.as_mut()))
            });
            let mut printed = false;
            let status = loop {
                tokio::select! {
                    status = self.0.wait() => break status?,
                    done = &mut printing, if !printed => {
                        done?;
                        printed = true;
                    }
                }
            };
            if !printed && let Ok(done) = tokio::time::timeout(DRAIN, &mut printing).await {
                done?;
            }
            status
        };
        Ok((status, output))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // While it has not been waited for, its id cannot belong to another process.
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
            // It may have ended meanwhile, and then there is nothing to kill.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
        // Elsewhere `kill_on_drop` ends the child itself.
    }
}

async fn collect(pipe: Option<&mut (impl AsyncRead + Unpin)>, into: &mut Vec<u8>, max: usize) -> Result<(), Failure> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut pipe = pipe.take(max as u64 + 1);
    while pipe.read_buf(into).await? > 0 {}
    if into.len() > max { Err(Failure::TooLarge) } else { Ok(()) }
}

/// Reads what nobody may see, so that the child does not block on it.
async fn discard(pipe: Option<&mut (impl AsyncRead + Unpin)>) -> Result<(), Failure> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut chunk = Zeroizing::new([0_u8; CHUNK]);
    while pipe.read(chunk.as_mut_slice()).await? > 0 {}
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    async fn sh(script: &str, deadline: Duration, max_output: usize) -> Result<ChildOutput> {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned);
        ChildCommand { argv: &argv, env: &[("A".to_owned(), "1".to_owned())], deadline, max_output }.run().await
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn gives_output_code_and_only_the_given_environment() {
        let output = sh("/usr/bin/env; echo noise >&2; exit 3", LONG, 1000).await.unwrap();
        let text = String::from_utf8(output.stdout.to_vec()).unwrap();
        assert_eq!(output.code, Some(3));
        assert!(text.contains("A=1\n") && !text.contains("CARGO"), "{text}");
    }

    #[tokio::test]
    async fn output_is_bounded() {
        let error = sh("while :; do echo xxxxxxxxxxxxxxxx; done", LONG, 1000).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(sh("printf 12345; head -c 1000000 /dev/zero >&2", LONG, 5).await.unwrap().stdout.len(), 5);
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_ends_the_children_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let task = tokio::spawn(async move { sh(&script, LONG, 10).await.is_ok() });
        let pid = wait_for(|| crate::util::fs::read_optional(&file).unwrap()).await;
        task.abort();
        let stat = format!("/proc/{}/stat", pid.trim());
        // Gone, or a zombie that waits for the init process of this container.
        wait_for(|| {
            let stat = crate::util::fs::read_optional(std::path::Path::new(&stat)).unwrap_or_default();
            stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
        })
        .await;
    }

    async fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> T {
        for _ in 0..3000 {
            if let Some(met) = condition() {
                return met;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited for 30 seconds in vain");
    }

    #[tokio::test]
    async fn a_deadline_ends_it() {
        let error = sh("sleep 600", Duration::from_millis(50), 10).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_daemon_that_keeps_the_pipe_does_not_hold_the_answer() {
        let output = sh("setsid sleep 5 & echo value", LONG, 100).await.unwrap();
        assert_eq!(output.stdout.as_slice(), b"value\n");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let argv = ["/no/such/program".to_owned()];
        let command = ChildCommand { argv: &argv, env: &[], deadline: LONG, max_output: 1 };
        let error = command.run().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/program"));
    }
}
