//! How a server has been doing, and when it may be started again.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// The pause before the second start after a failure; it doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Failures in a row, and what they cost.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: u32,
    last: Option<Error>,
    not_before: Option<Instant>,
}

impl Health {
    /// A start failed: the next attempt has to wait, and callers meanwhile get this error.
    ///
    /// A missing secret or token costs little to find out and is set by a person who then tries again at once.
    pub(crate) fn start_failed(&mut self, error: Error) {
        if !matches!(error.kind(), ErrorKind::MissingSecret | ErrorKind::Unauthorized) {
            self.pause(self.failures);
            self.failures += 1;
        }
        self.last = Some(error);
    }

    /// The server died by itself: the first time costs no pause, so the next call simply gets a fresh one.
    pub(crate) fn crashed(&mut self, error: Error) {
        if self.failures > 0 {
            self.pause(self.failures - 1);
        }
        self.failures += 1;
        self.last = Some(error);
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self) {
        if self.failures > 0 || self.last.is_some() {
            *self = Self::default();
        }
    }

    /// Why the server may not be started now.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let wait = self.not_before?.checked_duration_since(Instant::now())?;
        let seconds = wait.as_secs() + 1;
        Some(self.last.clone()?.with_context("next start in", format!("{seconds}s")).retry_later())
    }

    /// The last failure since a call was answered.
    pub(crate) fn last(&self) -> Option<&Error> {
        self.last.as_ref()
    }

    fn pause(&mut self, doublings: u32) {
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(6)).min(LONGEST_PAUSE);
        self.not_before = Instant::now().checked_add(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_crash_is_forgiven_and_more_are_not() {
        let error = || Error::new(ErrorKind::ServerExited, "gone");
        let mut health = Health::default();
        health.crashed(error());
        assert!(health.refusal().is_none());
        health.crashed(error());
        assert!(health.refusal().is_some());
        health.answered();
        assert!(health.refusal().is_none() && health.last().is_none());
        health.start_failed(error());
        assert!(health.refusal().unwrap().to_string().contains("next start in"));
        health = Health::default();
        health.start_failed(Error::new(ErrorKind::MissingSecret, "not set"));
        assert!(health.refusal().is_none() && health.last().is_some());
    }
}
