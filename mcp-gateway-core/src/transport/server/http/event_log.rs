//! Events of one stream: waited for, replayed, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result};

/// How many events, and how many bytes of them, one stream keeps for a client that comes back.
const MAX_EVENTS: usize = 256;
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How much a client that is connected may be behind with what it must receive before its stream is cut.
const MAX_EVENTS_BEHIND: usize = 1024;
const MAX_BYTES_BEHIND: usize = 64 * 1024 * 1024;

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
    /// The number of the last event, from 1.
    last: u64,
    /// The number of the last event that a reader took.
    taken: u64,
    /// The reader that counts; an older one ends.
    reader: u64,
    is_read: bool,
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
        Self { id, state: Mutex::default(), changed: Notify::new() }
    }

    /// Adds what the client must receive: a request or an answer.
    ///
    /// # Errors
    /// `Closed` when the stream has ended.
    pub(super) fn push(&self, data: String) -> Result<()> {
        self.change(|state| state.push(data))
    }

    /// Adds what the client can do without.
    ///
    /// # Errors
    /// `Closed` when the stream has ended, `Overloaded` when the client is connected and too far behind.
    pub(super) fn push_optional(&self, data: String) -> Result<()> {
        self.change(|state| {
            let oldest_waits = state.events.front().is_some_and(|oldest| oldest.number > state.taken);
            if state.is_read && oldest_waits && state.is_over(MAX_EVENTS - 1, MAX_BYTES.saturating_sub(data.len())) {
                return Err(Error::new(ErrorKind::Overloaded, "client does not read what it is sent"));
            }
            state.push(data)
        })
    }

    /// Adds the last event; both are seen at once, so that a reader can tell an answer that stands alone.
    pub(super) fn push_last(&self, data: String) {
        // A log that has ended belongs to a session that has ended.
        let _ = self.change(|state| {
            state.push(data)?;
            state.done = true;
            Ok(())
        });
    }

    /// Ends the stream once its events are read.
    pub(super) fn finish(&self) {
        // Ending cannot fail.
        let _ = self.change(|state| {
            state.done = true;
            Ok(())
        });
    }

    /// Whether the stream has ended and everything was added.
    pub(super) fn is_done(&self) -> bool {
        self.locked().done
    }

    /// Whether the stream has ended and holds nothing after this event.
    pub(super) fn has_ended_by(&self, after: u64) -> bool {
        let state = self.locked();
        state.done && state.last <= after
    }

    /// The data of a stream that has ended with its only event.
    pub(super) fn only(&self) -> Option<String> {
        let state = self.locked();
        (state.done && state.last == 1).then(|| state.events.front().map(|event| event.data.clone())).flatten()
    }

    /// Waits for the first event; says whether one came before the end.
    pub(super) async fn wait(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed.
            changed.as_mut().enable();
            {
                let state = self.locked();
                if state.last > 0 || state.done {
                    return state.last > 0;
                }
            }
            changed.await;
        }
    }

    /// The bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.locked().bytes
    }

    /// Reads what comes after an event, or after what was read before; ends any other reader.
    pub(super) fn reader(self: &Arc<Self>, after: Option<u64>) -> Reader {
        let mut reader = Reader { log: Arc::clone(self), number: 0, after: 0 };
        // Attaching cannot fail.
        let _ = self.change(|state| {
            state.reader += 1;
            state.is_read = true;
            state.taken = after.unwrap_or(state.taken).min(state.last);
            (reader.number, reader.after) = (state.reader, state.taken);
            Ok(())
        });
        reader
    }

    fn change(&self, change: impl FnOnce(&mut State) -> Result<()>) -> Result<()> {
        let changed = change(&mut self.locked());
        self.changed.notify_waiters();
        changed
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, data: String) -> Result<()> {
        if self.done {
            return Err(Error::new(ErrorKind::Closed, "client's stream has ended"));
        }
        self.last += 1;
        self.bytes += data.len();
        self.events.push_back(Event { number: self.last, data });
        if self.is_read && self.is_over(MAX_EVENTS_BEHIND, MAX_BYTES_BEHIND) && self.oldest_waits() {
            self.reader += 1;
            self.is_read = false;
        }
        while self.events.len() > 1 && self.is_over(MAX_EVENTS, MAX_BYTES) && !(self.is_read && self.oldest_waits()) {
            if let Some(gone) = self.events.pop_front() {
                self.bytes -= gone.data.len();
            }
        }
        Ok(())
    }

    fn oldest_waits(&self) -> bool {
        self.events.front().is_some_and(|oldest| oldest.number > self.taken)
    }

    fn is_over(&self, events: usize, bytes: usize) -> bool {
        self.events.len() > events || self.bytes > bytes
    }
}

/// A client's place in a stream.
#[derive(Debug)]
pub(super) struct Reader {
    log: Arc<EventLog>,
    number: u64,
    after: u64,
}

impl Reader {
    /// The next event that is kept; `None` at the end of the stream, when another reader came, and when this one was too
    /// slow.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            let changed = self.log.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.log.locked();
                if state.reader != self.number {
                    return None;
                }
                // Numbers have no gaps, so the place of an event follows from its number.
                let first = state.events.front().map_or(0, |oldest| oldest.number);
                let place = usize::try_from((self.after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
                if let Some(event) = state.events.get(place).cloned() {
                    (self.after, state.taken) = (event.number, event.number);
                    return Some(event);
                }
                if state.done {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// The stream's part of an event id.
    pub(super) fn stream(&self) -> u64 {
        self.log.id
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.log.locked();
        if state.reader == self.number {
            state.is_read = false;
        }
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

    fn log() -> Arc<EventLog> {
        Arc::new(EventLog::new(1))
    }

    #[tokio::test]
    async fn a_reader_that_comes_back_gets_what_it_missed() {
        let log = log();
        for n in 1..=3 {
            log.push(n.to_string()).unwrap();
        }
        log.push_last("4".to_owned());
        let mut reader = log.reader(Some(1));
        for n in 2..=4 {
            assert_eq!(reader.next().await.unwrap().data, n.to_string());
        }
        assert_eq!(reader.next().await, None);
        assert_eq!(log.reader(None).next().await, None, "all was read");
        assert_eq!(log.reader(Some(99)).next().await, None, "no such event yet");
        assert_eq!(log.push(String::new()).unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(parse_event_id(&event_id(4, 7)), Some((4, 7)));
    }

    #[tokio::test]
    async fn a_new_reader_ends_the_old_one() {
        let log = log();
        let mut old = log.reader(None);
        let mut new = log.reader(None);
        assert_eq!(old.next().await, None);
        drop(old);
        log.push("x".to_owned()).unwrap();
        assert_eq!(new.next().await.unwrap().data, "x");
    }

    #[tokio::test]
    async fn without_a_reader_the_oldest_are_forgotten() {
        let log = log();
        for n in 1..=2 * MAX_EVENTS {
            log.push_optional(n.to_string()).unwrap();
        }
        log.push_last("answer".to_owned());
        let mut reader = log.reader(None);
        assert_eq!(reader.next().await.unwrap().data, (MAX_EVENTS + 2).to_string());
        let mut last = None;
        while let Some(event) = reader.next().await {
            last = Some(event.data);
        }
        assert_eq!(last.as_deref(), Some("answer"));
    }

    #[tokio::test]
    async fn a_slow_reader_loses_what_it_can_do_without_and_nothing_else() {
        let log = log();
        let mut reader = log.reader(None);
        for _ in 0..MAX_EVENTS {
            log.push_optional("note".to_owned()).unwrap();
        }
        assert_eq!(log.push_optional("note".to_owned()).unwrap_err().kind(), ErrorKind::Overloaded);
        log.push("question".to_owned()).unwrap();
        log.push_last("answer".to_owned());
        let mut read = Vec::new();
        while let Some(event) = reader.next().await {
            read.push(event.data);
        }
        assert_eq!(read.len(), MAX_EVENTS + 2);
        assert_eq!(read[MAX_EVENTS..], ["question", "answer"]);
    }

    #[tokio::test]
    async fn a_reader_that_never_reads_is_cut() {
        let log = log();
        let mut reader = log.reader(None);
        for _ in 0..=MAX_EVENTS_BEHIND {
            log.push("answer".to_owned()).unwrap();
        }
        assert_eq!(reader.next().await, None);
        assert!(log.locked().events.len() <= MAX_EVENTS);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let log = log();
        for _ in 0..5 {
            log.push("x".repeat(MAX_BYTES / 2)).unwrap();
        }
        assert!(log.bytes() <= MAX_BYTES);
        log.push_last("x".repeat(2 * MAX_BYTES));
        assert_eq!(log.bytes(), 2 * MAX_BYTES, "the last one is kept whole");
    }
}
