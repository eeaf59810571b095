//! The last words of a server, without secrets.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind};
use crate::model::{Mask, SecretValue};

/// How many lines of a server's standard error are kept.
const LINES: usize = 20;
/// How many characters of a line are kept.
const LINE_CHARS: usize = 500;

/// How long a process may take to end after its output did.
const EXIT_WAIT: Duration = Duration::from_secs(1);

/// What a server wrote to its standard error, and why its connection ended.
///
/// The values of its own secrets are cut out of every line before it is kept, in whatever form they are.
#[derive(Debug, Default)]
pub struct Diagnostics {
    secrets: Vec<SecretValue>,
    /// Made once there is something to be cut: most servers say nothing here.
    mask: OnceLock<Mask>,
    state: Mutex<State>,
    /// Set where a process will end and say more than that its output did; cancelled once it has.
    exit: OnceLock<CancellationToken>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    closed: Option<Error>,
}

impl Diagnostics {
    /// Diagnostics of a server that received these secrets.
    pub fn new(secrets: Vec<SecretValue>) -> Self {
        Self {
            secrets: secrets.into_iter().filter(|secret| !secret.is_empty()).collect(),
            mask: OnceLock::new(),
            state: Mutex::default(),
            exit: OnceLock::new(),
        }
    }

    /// Keeps a line of the server's standard error, or one of its output that was no message.
    pub fn note_line(&self, line: &[u8]) {
        let text = self.redact(String::from_utf8_lossy(line).trim_end());
        let text: String = text.chars().filter(|c| !c.is_control()).take(LINE_CHARS).collect();
        if text.is_empty() {
            return;
        }
        let mut state = self.locked();
        if state.lines.len() == LINES {
            state.lines.pop_front();
        }
        state.lines.push_back(text);
    }

    /// A text of the server without the values of its own secrets.
    pub fn redact(&self, text: &str) -> String {
        let text = self.mask.get_or_init(|| Mask::new(&self.secrets)).cut(text).unwrap_or_else(|| text.to_owned());
        // Short ones are cut out as they are: what stands here is for people, and nothing is taken from it.
        self.secrets.iter().fold(text, |text, secret| text.replace(secret.expose(), "***"))
    }

    /// Says why the connection ended; the first reason is kept.
    pub fn set_closed(&self, error: Error) {
        self.locked().closed.get_or_insert(error);
    }

    /// Says that a process will end and tell why, so that the end of its output need not be the reason.
    pub fn expect_exit(&self) {
        // Said once; a second time would mean the same process.
        let _ = self.exit.set(CancellationToken::new());
    }

    /// Says that the process has ended and told why.
    pub fn exited(&self) {
        if let Some(exit) = self.exit.get() {
            exit.cancel();
        }
    }

    /// A pipe has ended: waits a moment for the process to end too, whose word says more than this reason.
    pub async fn pipe_ended(&self, reason: Error) {
        if let Some(exit) = self.exit.get() {
            // A process that closes a pipe and lives on does not hold anyone up.
            let _ = tokio::time::timeout(EXIT_WAIT, exit.cancelled()).await;
        }
        self.set_closed(reason);
    }

    /// Why the connection ended.
    pub fn closed(&self) -> Option<Error> {
        self.locked().closed.clone()
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.locked().lines.iter().cloned().collect()
    }

    /// An error of this kind with the reason and the last lines as context.
    pub fn explain(&self, kind: ErrorKind, message: &'static str) -> Error {
        let state = self.locked();
        let mut error = match &state.closed {
            // What the connection itself found out (too large, unreachable) says more than that it ended.
            Some(closed) if closed.kind() != ErrorKind::Closed && closed.kind() != ErrorKind::ServerExited => {
                closed.clone()
            }
            Some(closed) => Error::new(kind, message).with_context("reason", closed.message().to_owned()),
            None => Error::new(kind, message),
        };
        if !state.lines.is_empty() {
            let tail: Vec<_> = state.lines.iter().rev().take(5).rev().cloned().collect();
            error = error.with_context("stderr", tail.join(" | "));
        }
        error
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_without_secrets() {
        let diagnostics = Diagnostics::new(vec![SecretValue::new("hunter2")]);
        for n in 0..50 {
            diagnostics.note_line(format!("line {n}: token hunter2\x1b[31m").as_bytes());
        }
        assert_eq!(diagnostics.lines().len(), LINES);
        assert_eq!(diagnostics.lines()[19], "line 49: token ***[31m");
        diagnostics.set_closed(Error::new(ErrorKind::Closed, "exit status 3"));
        let error = diagnostics.explain(ErrorKind::StartFailed, "server exited before the handshake");
        assert!(error.to_string().contains("exit status 3"));
        assert!(!format!("{error:?}{error}").contains("hunter2"));
    }
}
