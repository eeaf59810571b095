//! Messages as lines, with a bound on their length.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, ErrorKind, Result};

/// How much room there is at least for what is read at once, in bytes.
const READ_CHUNK: usize = 64 * 1024;

/// From which length on a line is handed out without a copy, in bytes.
const LARGE: usize = 256 * 1024;

/// Cuts a byte stream into lines of at most a given length.
///
/// # Behavior
/// - Lines end with `\n`; a `\r` before it is dropped; empty lines are skipped.
/// - After `TooLarge` the stream cannot be read further: the rest of the line is still to come.
#[derive(Debug)]
pub struct LineDecoder {
    buffer: Vec<u8>,
    /// Where the line under way begins; what lies before it was handed out.
    start: usize,
    /// How far that line was searched for its end.
    scanned: usize,
    max_bytes: usize,
}

impl LineDecoder {
    /// A decoder for lines of at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, scanned: 0, max_bytes }
    }

    /// Adds bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.forget_read();
        self.buffer.extend_from_slice(bytes);
    }

    /// Adds what a stream has, once; says how many bytes that was, with 0 at the end.
    ///
    /// # Errors
    /// Those of the stream.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn read_from(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.forget_read();
        // A long line is read into the buffer that it will be handed out in.
        self.buffer.reserve(READ_CHUNK);
        stream.read_buf(&mut self.buffer).await
    }

    /// Once per chunk, not once per line: a chunk may hold thousands of lines.
    fn forget_read(&mut self) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
    }

    /// The next whole line, if there is one.
    ///
    /// # Errors
    /// `TooLarge` when the line under way is longer than the bound.
    pub fn next_line(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(at) = memchr::memchr(b'\n', &self.buffer[self.scanned..]) else {
                self.scanned = self.buffer.len();
                return if self.scanned - self.start > self.max_bytes { Err(self.too_large()) } else { Ok(None) };
            };
            let end = self.scanned + at;
            if end - self.start > self.max_bytes {
                return Err(self.too_large());
            }
            let line = if self.start == 0 && end >= LARGE {
                // A long line is handed out in the buffer that it came in; what follows on it is short.
                let rest = self.buffer.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.truncate(line[..end].trim_ascii_end().len());
                self.scanned = 0;
                line
            } else {
                let line = self.buffer[self.start..end].trim_ascii_end().to_vec();
                self.start = end + 1;
                self.scanned = self.start;
                line
            };
            if !line.is_empty() {
                return Ok(Some(line.into()));
            }
        }
    }

    /// What is left after the last line break, when the stream has ended.
    pub fn finish(&mut self) -> Option<Bytes> {
        let line = self.buffer[self.start..].trim_ascii_end().to_vec();
        self.buffer.clear();
        (self.start, self.scanned) = (0, 0);
        (!line.is_empty()).then(|| line.into())
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge, format!("message is larger than {} bytes", self.max_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_wherever_the_chunks_end() {
        let mut decoder = LineDecoder::new(10);
        let mut lines = Vec::new();
        for chunk in [&b"on"[..], b"e\r\n\ntwo\nth", b"ree", b"\n"] {
            decoder.push(chunk);
            while let Some(line) = decoder.next_line().unwrap() {
                lines.push(String::from_utf8(line.into()).unwrap());
            }
        }
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn long_lines_are_cut_like_short_ones() {
        let mut decoder = LineDecoder::new(4 * LARGE);
        let long = "x".repeat(LARGE + 3);
        let text = format!("{long}\r\nshort\n{long}\n{long}\nend\n");
        let mut lines = Vec::new();
        for chunk in text.as_bytes().chunks(LARGE / 3) {
            decoder.push(chunk);
            while let Some(line) = decoder.next_line().unwrap() {
                lines.push(String::from_utf8(line.into()).unwrap());
            }
        }
        assert_eq!(lines, [&long, "short", &long, &long, "end"]);
    }

    #[test]
    fn a_line_over_the_bound_is_an_error_before_it_ends() {
        let mut decoder = LineDecoder::new(4);
        decoder.push(b"12345");
        assert_eq!(decoder.next_line().unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
