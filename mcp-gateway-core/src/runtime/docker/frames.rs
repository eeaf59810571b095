//! The two streams of a container, which come over one connection in frames, taken apart without keeping any of it.

use crate::transport::client::Diagnostics;

/// Of a line of diagnostics, no more than this is looked at.
const MAX_NOTE: usize = 4096;

const HEADER: usize = 8;

/// Which stream a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// Standard output.
    Output,
    /// Standard error, and what the engine itself has to say.
    Error,
}

/// Takes frames apart as they come, wherever the pieces end.
#[derive(Debug)]
pub(super) struct Demux {
    header: [u8; HEADER],
    filled: usize,
    left: usize,
    channel: Channel,
}

impl Demux {
    pub(super) fn new() -> Self {
        Self { header: [0; HEADER], filled: 0, left: 0, channel: Channel::Output }
    }

    /// The next piece of one stream, cut off from `bytes`; `None` when more bytes are needed.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<(Channel, &'a [u8])> {
        while self.left == 0 {
            let (taken, rest) = bytes.split_at(bytes.len().min(HEADER - self.filled));
            self.header[self.filled..self.filled + taken.len()].copy_from_slice(taken);
            self.filled += taken.len();
            *bytes = rest;
            if self.filled < HEADER {
                return None;
            }
            self.filled = 0;
            let [stream, _, _, _, length @ ..] = self.header;
            self.channel = if stream == 1 { Channel::Output } else { Channel::Error };
            self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        }
        if bytes.is_empty() {
            return None;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(self.left));
        self.left -= piece.len();
        *bytes = rest;
        Some((self.channel, piece))
    }
}

/// Puts what a server writes to its standard error together into lines; what is too long is cut.
#[derive(Debug, Default)]
pub(super) struct Notes {
    line: Vec<u8>,
}

impl Notes {
    pub(super) fn push(&mut self, bytes: &[u8], diagnostics: &Diagnostics) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_NOTE - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.finish(diagnostics);
            }
        }
    }

    /// Keeps what has no line break after it.
    pub(super) fn finish(&mut self, diagnostics: &Diagnostics) {
        diagnostics.note_line(&self.line);
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn frames_are_taken_apart_wherever_the_chunks_end() {
        let stream = [frame(1, b"out"), frame(2, b"err"), frame(1, b""), frame(1, b"more")].concat();
        for size in 1..stream.len() {
            let mut demux = Demux::new();
            let (mut output, mut error) = (Vec::new(), Vec::new());
            for mut chunk in stream.chunks(size) {
                while let Some((channel, piece)) = demux.next(&mut chunk) {
                    match channel {
                        Channel::Output => output.extend_from_slice(piece),
                        Channel::Error => error.extend_from_slice(piece),
                    }
                }
                assert!(chunk.is_empty());
            }
            assert_eq!((output.as_slice(), error.as_slice()), (&b"outmore"[..], &b"err"[..]), "{size}");
        }
    }

    #[test]
    fn notes_are_lines_of_bounded_length() {
        let diagnostics = Diagnostics::default();
        let mut notes = Notes::default();
        for _ in 0..100 {
            notes.push(&[b'x'; 4000], &diagnostics);
        }
        assert_eq!(notes.line.len(), MAX_NOTE);
        notes.push(b"\none\ntwo", &diagnostics);
        notes.finish(&diagnostics);
        assert_eq!(diagnostics.lines()[1..], ["one", "two"]);
    }
}
