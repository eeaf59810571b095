//! Events are the same however the stream is cut, are those that the HTML standard says, and keep their bounds.
//!
//! Input: one byte that chooses the chunks, one for the largest event, then the stream.

#![no_main]

mod common;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::transport::client::fuzzing::{ReadEvents, read_events};

fuzz_target!(|input: &[u8]| {
    let [pattern, largest, stream @ ..] = input else { return };
    let max_bytes = usize::from(*largest) * 4;
    let whole = read_events([stream], max_bytes);
    assert_eq!(read_events(common::chunks(stream, *pattern), max_bytes), whole);
    assert_eq!(read_events(stream.chunks(1), max_bytes), whole);
    for (_, data) in &whole.events {
        assert!(data.len() <= max_bytes, "{} bytes of data", data.len());
    }
    let unbounded = read_events([stream], usize::MAX);
    assert!(!unbounded.is_too_large);
    assert!(unbounded.events.starts_with(&whole.events));
    if !whole.is_too_large {
        assert_eq!(whole, unbounded);
    }
    let (events, last_id, retry) = by_the_standard(stream);
    let ReadEvents { events: read, .. } = &unbounded;
    assert_eq!(read, &events);
    // An id that no header can carry is none.
    let is_sendable = |id: &String| !id.is_empty() && id.len() <= 4096 && !id.contains(|c: char| c.is_ascii_control());
    assert_eq!(unbounded.last_id, last_id.and_then(|id| String::from_utf8(id).ok()).filter(is_sendable));
    assert_eq!(unbounded.retry, retry);
});

type Standard = (Vec<(String, Vec<u8>)>, Option<Vec<u8>>, Option<Duration>);

/// The algorithm of section 9.2.6 over a whole stream.
fn by_the_standard(stream: &[u8]) -> Standard {
    let (mut events, mut last_id, mut retry) = (Vec::new(), None, None);
    let (mut name, mut data) = (Vec::new(), None::<Vec<u8>>);
    for line in lines(stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream)) {
        if line.is_empty() {
            let name = String::from_utf8_lossy(&std::mem::take(&mut name)).into_owned();
            if let Some(data) = data.take() {
                events.push((if name.is_empty() { "message".to_owned() } else { name }, data));
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => match &mut data {
                None => data = Some(value.to_vec()),
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            b"id" if !value.contains(&0) => last_id = Some(value.to_vec()),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let millis = value
                    .iter()
                    .fold(0_u64, |millis, digit| millis.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
                retry = Some(Duration::from_millis(millis));
            }
            _ => {}
        }
    }
    (events, last_id, retry)
}

/// The lines that have ended.
fn lines(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = stream.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.push(&stream[..end]);
        let ending = if stream[end..].starts_with(b"\r\n") { 2 } else { 1 };
        stream = &stream[end + ending..];
    }
    lines
}
