//! Messages as lines, with a bound on their length.

use crate::error::{Error, ErrorKind, Result};

/// Cuts a byte stream into lines of at most a given length.
///
/// # Behavior
/// - Lines end with `\n`; a `\r` before it is dropped; empty lines are skipped.
/// - After `TooLarge` the stream cannot be read further: the rest of the line is still to come.
#[derive(Debug)]
pub struct LineDecoder {
    buffer: Vec<u8>,
    scanned: usize,
    max_bytes: usize,
}

impl LineDecoder {
    /// A decoder for lines of at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self { buffer: Vec::new(), scanned: 0, max_bytes }
    }

    /// Adds bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, if there is one.
    ///
    /// # Errors
    /// `TooLarge` when the line under way is longer than the bound.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match memchr::memchr(b'\n', &self.buffer[self.scanned..]) {
                Some(at) if self.scanned + at > self.max_bytes => return Err(self.too_large()),
                Some(at) => {
                    let end = self.scanned + at;
                    let rest = self.buffer.split_off(end + 1);
                    let mut line = std::mem::replace(&mut self.buffer, rest);
                    self.scanned = 0;
                    line.truncate(line.trim_ascii_end().len());
                    if !line.is_empty() {
                        return Ok(Some(line));
                    }
                }
                None if self.buffer.len() > self.max_bytes => return Err(self.too_large()),
                None => {
                    self.scanned = self.buffer.len();
                    return Ok(None);
                }
            }
        }
    }

    /// What is left after the last line break, when the stream has ended.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.buffer);
        self.scanned = 0;
        line.truncate(line.trim_ascii_end().len());
        (!line.is_empty()).then_some(line)
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
                lines.push(String::from_utf8(line).unwrap());
            }
        }
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_line_over_the_bound_is_an_error_before_it_ends() {
        let mut decoder = LineDecoder::new(4);
        decoder.push(b"12345");
        assert_eq!(decoder.next_line().unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
