//! Waiting for an answer.

use std::time::Duration;

use super::{ApprovalQueue, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::util::clock;

/// How often is looked for an answer that another process has given.
const LOOK: Duration = Duration::from_millis(200);

/// A question that somebody waits for; dropping it takes the question back.
#[derive(Debug)]
pub struct Ticket {
    queue: ApprovalQueue,
    id: String,
    expires: i64,
    is_kept: bool,
}

impl Ticket {
    pub(super) fn new(queue: ApprovalQueue, id: String, expires: i64) -> Self {
        Self { queue, id, expires, is_kept: false }
    }

    /// Under which the question is answered.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the answer, which is used up by that.
    ///
    /// # Errors
    /// `Timeout` when nobody answers in time, `Denied` for an answer that nobody who may has given, `Io`.
    pub async fn answered(&self) -> Result<Verdict> {
        loop {
            let answered = self.queue.0.answered.notified();
            tokio::pin!(answered);
            // Registered before the look, so that no answer of this process is missed.
            answered.as_mut().enable();
            if let Some(verdict) = self.queue.take(&self.id)? {
                return Ok(verdict);
            }
            let left = self.expires.saturating_sub(clock::now_millis());
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
                return Err(Error::new(ErrorKind::Timeout, "no operator has answered in time")
                    .with_context("approval", &self.id));
            };
            tokio::select! {
                () = answered => {}
                () = tokio::time::sleep(LOOK.min(Duration::from_millis(left))) => {}
            }
        }
    }

    /// Lets the question stand.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_kept {
            self.queue.withdraw(&self.id);
        }
    }
}
