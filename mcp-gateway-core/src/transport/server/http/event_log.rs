//! Events of one stream: waited for, replayed, bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};

/// How many events, and how many bytes of them, one stream keeps for a client that comes back.
const MAX_EVENTS: usize = 256;
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The events of one stream, oldest first.
#[derive(Debug)]
pub(super) struct EventLog {
    /// The stream's part of an event id.
    pub(super) id: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    bytes: usize,
    /// The number of the next event, from 1.
    next: u64,
    /// The reader that counts; an older one ends.
    reader: u64,
    done: bool,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) number: u64,
    pub(super) data: String,
}

impl EventLog {
    pub(super) fn new(id: u64) -> Self {
        Self { id, state: Mutex::new(State { next: 1, ..State::default() }), changed: Notify::new() }
    }

    /// Adds an event; what the log cannot hold any more is forgotten, oldest first.
    ///
    /// # Errors
    /// `Closed` when the stream has ended.
    pub(super) fn push(&self, data: String) -> Result<()> {
        {
            let mut state = self.locked();
            if state.done {
                return Err(Error::new(ErrorKind::Closed, "client's stream has ended"));
            }
            let number = state.next;
            state.next += 1;
            state.bytes += data.len();
            state.events.push_back(Event { number, data });
            while state.events.len() > MAX_EVENTS || (state.bytes > MAX_BYTES && state.events.len() > 1) {
                if let Some(gone) = state.events.pop_front() {
                    state.bytes -= gone.data.len();
                }
            }
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Ends the stream once its events are read.
    pub(super) fn finish(&self) {
        self.locked().done = true;
        self.changed.notify_waiters();
    }

    /// Whether the stream has ended and everything was added.
    pub(super) fn is_done(&self) -> bool {
        self.locked().done
    }

    /// Becomes the reader that counts.
    pub(super) fn attach(&self) -> u64 {
        let reader = {
            let mut state = self.locked();
            state.reader += 1;
            state.reader
        };
        self.changed.notify_waiters();
        reader
    }

    /// The event after `after`; `None` at the end of the stream, or when another reader came, or when the event was
    /// forgotten because this reader was too slow.
    pub(super) async fn next(&self, reader: u64, after: u64) -> Option<Event> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed.
            changed.as_mut().enable();
            {
                let state = self.locked();
                if state.reader != reader {
                    return None;
                }
                match state.events.iter().find(|event| event.number > after) {
                    Some(event) if event.number == after + 1 || after == 0 => return Some(event.clone()),
                    Some(_) => return None,
                    None if state.done => return None,
                    None => {}
                }
            }
            changed.await;
        }
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.locked().next - 1
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of an event, as `Last-Event-ID` carries it.
pub(super) fn event_id(stream: u64, number: u64) -> String {
    format!("{stream}-{number}")
}

/// Reads an id that this server has given.
pub(super) fn parse_event_id(text: &str) -> Option<(u64, u64)> {
    let (stream, number) = text.split_once('-')?;
    Some((stream.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_comes_back_gets_what_it_missed() {
        let log = EventLog::new(1);
        for n in 1..=3 {
            log.push(n.to_string()).unwrap();
        }
        log.finish();
        let reader = log.attach();
        assert_eq!(log.next(reader, 1).await.unwrap().data, "2");
        assert_eq!(log.next(reader, 3).await, None);
        assert!(log.push(String::new()).is_err());
    }

    #[tokio::test]
    async fn a_new_reader_ends_the_old_one_and_a_slow_one_is_dropped() {
        let log = EventLog::new(1);
        let old = log.attach();
        let new = log.attach();
        assert_eq!(log.next(old, 0).await, None);
        for n in 0..=MAX_EVENTS + 1 {
            log.push(n.to_string()).unwrap();
        }
        assert_eq!(log.next(new, 1).await, None, "events after 1 are forgotten");
        assert_eq!(parse_event_id(&event_id(4, 7)), Some((4, 7)));
    }
}
