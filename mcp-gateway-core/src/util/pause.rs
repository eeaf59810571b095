//! Time limits that stand still while somebody else is asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A clock that can be held.
#[derive(Debug, Default)]
pub struct Pause {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    holders: usize,
    since: Option<Instant>,
    total: Duration,
}

/// Holds a clock for as long as it lives.
#[derive(Debug)]
pub struct Held<'a>(&'a Pause);

impl Pause {
    /// Holds the clock.
    pub fn hold(&self) -> Held<'_> {
        let mut state = self.locked();
        state.holders += 1;
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        self.changed.notify_waiters();
        Held(self)
    }

    /// Waits until so much time has passed from now on in which nobody held the clock.
    pub async fn elapsed(&self, limit: Duration) {
        let (begun, before) = (Instant::now(), self.locked().total);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed.
            changed.as_mut().enable();
            let (is_held, held) = {
                let state = self.locked();
                (state.holders > 0, state.total.saturating_sub(before))
            };
            if is_held {
                changed.await;
                continue;
            }
            let Some(rest) = (limit + held).checked_sub(begun.elapsed()).filter(|rest| !rest.is_zero()) else { return };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = changed => {}
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.0.locked();
        state.holders -= 1;
        if state.holders == 0
            && let Some(since) = state.since.take()
        {
            state.total += since.elapsed();
        }
        drop(state);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_clock_stands_still() {
        let pause = Pause::default();
        pause.elapsed(Duration::from_millis(1)).await;
        let held = pause.hold();
        let limit = pause.elapsed(Duration::from_millis(1));
        tokio::pin!(limit);
        tokio::select! {
            biased;
            () = &mut limit => panic!("time went on"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        drop(held);
        limit.await;
    }
}
