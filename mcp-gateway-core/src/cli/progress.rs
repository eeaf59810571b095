//! The progress of pulls and installations, on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::report::plain;
use crate::runtime::PrepareProgress;

/// How often a terminal's line is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
/// How often a log gets a line about the same step.
const REPEAT: Duration = Duration::from_secs(10);

/// One line that changes on a terminal; a line now and then elsewhere.
#[derive(Debug)]
pub(crate) struct StderrProgress {
    terminal: bool,
    drawn: Mutex<Drawn>,
}

/// What was drawn last.
#[derive(Debug, Default)]
struct Drawn {
    status: String,
    at: Option<Instant>,
    /// Whether the terminal's line waits for its end.
    open: bool,
}

impl StderrProgress {
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), drawn: Mutex::default() }
    }
}

impl PrepareProgress for StderrProgress {
    fn update(&self, status: &str, done: u64, total: u64) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if self.terminal { REDRAW } else { REPEAT };
        let is_new = drawn.status != status && !self.terminal;
        if !is_new && drawn.at.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        let text = render(status, done, total);
        let mut stderr = io::stderr().lock();
        // Progress that nobody can see is no reason to stop.
        let _ = if self.terminal {
            write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{text}")
        };
        status.clone_into(&mut drawn.status);
        drawn.at = Some(Instant::now());
        drawn.open = self.terminal;
    }
}

impl Drop for StderrProgress {
    fn drop(&mut self) {
        if self.drawn.get_mut().unwrap_or_else(PoisonError::into_inner).open {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

fn render(status: &str, done: u64, total: u64) -> String {
    let status = plain(status).replace('\n', " ");
    match (u128::from(done) * 100).checked_div(u128::from(total)) {
        None => status,
        Some(percent) => format!("{status} {}%", percent.min(100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_far_it_is() {
        assert_eq!(render("pulling", 0, 0), "pulling");
        assert_eq!(render("pulling", 1, 4), "pulling 25%");
        assert_eq!(render("pulling", u64::MAX, 1), "pulling 100%");
    }
}
