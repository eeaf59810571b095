//! Server-sent events, cut out of a byte stream as it comes.

use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};

/// The longest event id that is remembered; a longer one could not be sent back in a header.
const MAX_ID_BYTES: usize = 4096;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The event's type; `message` where the server named none.
    pub(super) name: String,
    /// The data, its lines joined by `\n`. Empty for an event that only carries an id.
    pub(super) data: Bytes,
}

/// Cuts a byte stream into events, as the HTML standard says.
///
/// # Behavior
/// - Lines end with `\n`, `\r` or `\r\n`, wherever the chunks end; a byte order mark at the beginning is skipped.
/// - An event may have `max_bytes` of lines and data; after `TooLarge` the stream cannot be read further.
/// - An event under way when the stream ends is dropped.
#[derive(Debug)]
pub(super) struct EventDecoder {
    buffer: Vec<u8>,
    /// How much of the buffer was taken already.
    taken: usize,
    /// How much of the buffer is known to hold no further line break.
    scanned: usize,
    at_start: bool,
    after_cr: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    last_id: Option<String>,
    retry: Option<Duration>,
    max_bytes: usize,
}

impl EventDecoder {
    /// A decoder for events of at most `max_bytes`, which goes on after the event with `last_id`.
    pub(super) fn new(max_bytes: usize, last_id: Option<String>) -> Self {
        Self {
            buffer: Vec::new(),
            taken: 0,
            scanned: 0,
            at_start: true,
            after_cr: false,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            last_id,
            retry: None,
            max_bytes,
        }
    }

    /// Adds bytes as they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.scanned -= self.taken;
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event, if there is one.
    ///
    /// # Errors
    /// `TooLarge` when the event under way is over the bound.
    pub(super) fn next_event(&mut self) -> Result<Option<Event>> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if let Some(event) = self.dispatch() {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line)?;
            }
        }
        Ok(None)
    }

    /// The id of the last event that had one.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants to be left alone before a reconnection.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>> {
        if !self.skip_mark() {
            return Ok(None);
        }
        if self.after_cr && self.buffer.len() > self.taken {
            self.after_cr = false;
            if self.buffer[self.taken] == b'\n' {
                self.taken += 1;
                self.scanned = self.scanned.max(self.taken);
            }
        }
        let end = memchr::memchr2(b'\n', b'\r', &self.buffer[self.scanned..]).map(|at| self.scanned + at);
        let length = end.unwrap_or(self.buffer.len()) - self.taken;
        if length + self.data.len() > self.max_bytes {
            return Err(self.too_large());
        }
        let Some(end) = end else {
            self.scanned = self.buffer.len();
            return Ok(None);
        };
        let line = self.buffer[self.taken..end].to_vec();
        self.after_cr = self.buffer[end] == b'\r';
        self.taken = end + 1;
        self.scanned = self.taken;
        Ok(Some(line))
    }

    /// Skips a byte order mark; says whether enough is there to know.
    fn skip_mark(&mut self) -> bool {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.at_start {
            if self.buffer.len() < MARK.len() && MARK.starts_with(&self.buffer) {
                return false;
            }
            self.at_start = false;
            if self.buffer.starts_with(MARK) {
                self.taken = MARK.len();
                self.scanned = self.taken;
            }
        }
        true
    }

    fn field(&mut self, line: &[u8]) -> Result<()> {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
                if self.data.len() > self.max_bytes {
                    return Err(self.too_large());
                }
            }
            b"event" => self.name = value.to_vec(),
            b"id" if !value.contains(&0) => {
                self.last_id = std::str::from_utf8(value).ok().filter(|id| is_sendable(id)).map(str::to_owned);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let millis = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                self.retry = Some(Duration::from_millis(millis.unwrap_or(u64::MAX)));
            }
            // Comments have an empty field name; unknown fields mean nothing.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let name = if name.is_empty() { "message".to_owned() } else { String::from_utf8_lossy(&name).into_owned() };
        Some(Event { name, data: data.into() })
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge, format!("message is larger than {} bytes", self.max_bytes))
    }
}

/// Whether an id can be sent back in a header; a stream whose last id cannot is not taken up at an older one.
fn is_sendable(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.contains(|c: char| c.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `chunks` and gives `name=data` of each event, then the id and the retry time.
    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<String>, Option<Duration>) {
        let mut decoder = EventDecoder::new(1000, None);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event().unwrap() {
                events.push(format!("{}={}", event.name, String::from_utf8_lossy(&event.data)));
            }
        }
        (events, decoder.last_id().map(str::to_owned), decoder.retry())
    }

    const STREAM: &[u8] =
        b"\xef\xbb\xbf: welcome\n\ndata: one\n\nevent: endpoint\r\ndata: /x?a=1\r\ndata:two\r\ndata\r\n\r\n\
        id: 7\rretry: 1500\rdata: {\"a\":1}\r\rdata:  spaced\nunknown: x\nid: 8\0\nretry: soon\n\n\
        event: nothing\n\nid: 9\n\nid: 10\ndata:\n\ndata: lost";

    #[test]
    fn events_are_cut_as_the_standard_says() {
        let (events, id, retry) = decode([STREAM]);
        assert_eq!(
            events,
            ["message=one", "endpoint=/x?a=1\ntwo\n", "message={\"a\":1}", "message= spaced", "message="]
        );
        assert_eq!(id.as_deref(), Some("10"));
        assert_eq!(retry, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn chunks_may_end_anywhere() {
        let whole = decode([STREAM]);
        for at in 0..=STREAM.len() {
            assert_eq!(decode([&STREAM[..at], &STREAM[at..]]), whole, "split at {at}");
        }
        assert_eq!(decode(STREAM.chunks(1)), whole);
        assert_eq!(decode(STREAM.chunks(3)), whole);
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut() {
        // A small generator of numbers is enough: the alphabet holds what the format gives a meaning to.
        let alphabet = b"\r\n\r\n:: dataidevent\0\xef\xbb\xbf\xff1";
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        for _ in 0..2000 {
            let length = next() % 60;
            let bytes: Vec<u8> = (0..length).map(|_| alphabet[next() % alphabet.len()]).collect();
            let size = 1 + next() % 7;
            assert_eq!(decode(bytes.chunks(size)), decode([&bytes[..]]), "{bytes:?} by {size}");
        }
    }

    #[test]
    fn an_event_over_the_bound_is_an_error_before_it_ends() {
        let endless_line = b"data: ".iter().chain(std::iter::repeat(&b'x')).copied();
        let endless_data = std::iter::repeat_n(&b"data: x\n"[..], 10_000).flatten().copied();
        let endless_comment = std::iter::repeat(b':');
        let streams: [Box<dyn Iterator<Item = u8>>; 3] =
            [Box::new(endless_line), Box::new(endless_data), Box::new(endless_comment)];
        for stream in streams {
            let bytes: Vec<u8> = stream.take(5000).collect();
            let mut decoder = EventDecoder::new(1000, None);
            let error = bytes.chunks(100).find_map(|chunk| {
                decoder.push(chunk);
                decoder.next_event().err()
            });
            assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge);
        }
    }

    #[test]
    fn an_id_that_cannot_be_sent_back_is_none() {
        for id in ["", "a\tb", "\u{7f}", &"x".repeat(MAX_ID_BYTES + 1)] {
            let mut decoder = EventDecoder::new(10_000, Some("old".to_owned()));
            decoder.push(format!("id: {id}\n\n").as_bytes());
            assert_eq!(decoder.next_event().unwrap(), None);
            assert_eq!(decoder.last_id(), None, "{id:?}");
        }
    }

    #[test]
    fn many_small_events_need_little_memory() {
        let mut decoder = EventDecoder::new(1000, None);
        for _ in 0..10_000 {
            decoder.push(b"id: 1\ndata: x\n\n: ping\n\n");
            while decoder.next_event().unwrap().is_some() {}
        }
        assert!(decoder.buffer.capacity() < 10_000);
    }
}
