//! What children print, in bounded pieces.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// How much of a line is kept; the rest of it is passed over.
const LINE_BYTES: usize = 8 * 1024;

/// The lines of a stream, each cut at a bound.
pub(super) struct Lines<R> {
    stream: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream: BufReader::new(stream), line: Vec::new() }
    }

    /// The next line without its end; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<&[u8]> {
        self.line.clear();
        let mut any = false;
        loop {
            let chunk = self.stream.fill_buf().await.ok().filter(|chunk| !chunk.is_empty());
            let Some(chunk) = chunk else { return any.then_some(self.line.as_slice()) };
            any = true;
            let end = memchr::memchr(b'\n', chunk);
            let text = &chunk[..end.unwrap_or(chunk.len())];
            let room = LINE_BYTES - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.stream.consume(used);
            if end.is_some() {
                return Some(&self.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_cut_and_the_next_one_starts_at_its_start() {
        let text = [b"one\n\n", vec![b'x'; 100_000].as_slice(), b"\nlast"].concat();
        let mut lines = Lines::new(text.as_slice());
        assert_eq!(lines.next().await.unwrap(), b"one");
        assert_eq!(lines.next().await.unwrap(), b"");
        assert_eq!(lines.next().await.unwrap().len(), LINE_BYTES);
        assert_eq!(lines.next().await.unwrap(), b"last");
        assert!(lines.next().await.is_none());
    }
}
