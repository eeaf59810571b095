//! A message on its way to a byte stream.

use bytes::{Buf, Bytes};

/// A line, in parts that are written one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    head: String,
    body: Bytes,
    tail: &'static str,
}

impl Line {
    /// A line whose parts end with a line break.
    pub(super) fn of_parts(head: String, body: Bytes, tail: &'static str) -> Self {
        Self { head, body, tail }
    }

    /// What is to be written, the line break included.
    pub(crate) fn into_buf(self) -> impl Buf + Send {
        Bytes::from(self.head).chain(self.body).chain(self.tail.as_bytes())
    }

    /// The text without its line break.
    pub(crate) fn into_text(self) -> String {
        let mut text = self.head;
        // Every part is text.
        text.push_str(std::str::from_utf8(&self.body).unwrap_or_default());
        text.push_str(self.tail);
        text.pop();
        text
    }
}

impl From<String> for Line {
    fn from(mut text: String) -> Self {
        text.push('\n');
        Self { head: text, body: Bytes::new(), tail: "" }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf as _;

    use crate::protocol::{Message, RawJson, RequestId};

    #[test]
    fn a_line_says_what_its_message_says() {
        for size in [1, 100_000] {
            for gap in ["", "\n"] {
                let result = RawJson::parse(format!(r#"{{"text":{gap}"{}"}}"#, "x".repeat(size))).unwrap();
                let message = Message::response(RequestId::number(1), Ok(result));
                let mut line = message.to_line().into_buf();
                let length = line.remaining();
                let written = line.copy_to_bytes(length);
                assert_eq!(written, format!("{}\n", message.to_json()));
                assert_eq!(message.to_line().into_text(), message.to_json());
            }
        }
    }
}
