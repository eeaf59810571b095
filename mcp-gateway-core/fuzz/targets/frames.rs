//! Lines are the same however the stream is cut, and a message that was read is written as the same message.
//!
//! Input: one byte that chooses the chunks, one for the longest line, then the stream.

#![no_main]

mod common;

use common::tree::Tree;
use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::protocol::{Message, RawJson, RequestId, RpcError};
use mcp_gateway_core::transport::lines::LineDecoder;

fuzz_target!(|input: &[u8]| {
    let [pattern, longest, stream @ ..] = input else { return };
    let max_bytes = usize::from(*longest) * 8;
    let expected = lines(stream, max_bytes);
    assert_eq!(decoded(&[stream], max_bytes), expected);
    assert_eq!(decoded(&common::chunks(stream, *pattern), max_bytes), expected);
    for line in &expected.0 {
        if let Ok(message) = Message::parse(line) {
            assert!(line.trim_ascii_start().starts_with(b"{"), "a message that is no object");
            check(&message);
        }
        if let Ok(messages) = Message::parse_batch(line) {
            let written = messages.iter().map(Message::to_json).collect::<Vec<_>>().join(",");
            let again = Message::parse_batch(format!("[{written}]").as_bytes()).expect("a batch that was written");
            assert_eq!(again.len(), messages.len());
            messages.iter().for_each(check);
        }
    }
});

/// The lines, and whether reading ended at one that is too long.
type Lines = (Vec<Vec<u8>>, bool);

fn decoded(chunks: &[&[u8]], max_bytes: usize) -> Lines {
    let mut decoder = LineDecoder::new(max_bytes);
    let mut lines = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next_line() {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => break,
                Err(_) => return (lines, true),
            }
        }
    }
    lines.extend(decoder.finish().map(|line| line.to_vec()));
    (lines, false)
}

/// The same in the simplest way.
fn lines(stream: &[u8], max_bytes: usize) -> Lines {
    let mut lines = Vec::new();
    for line in stream.split(|byte| *byte == b'\n') {
        if line.len() > max_bytes {
            return (lines, true);
        }
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            lines.push(line.to_vec());
        }
    }
    (lines, false)
}

fn check(message: &Message) {
    let written = message.to_json();
    assert!(!written.contains('\n'), "{written:?} is no line");
    let again = Message::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{written}: {}", error.report()));
    assert_eq!(parts(&again), parts(message));
    assert_eq!(again.to_json(), written);
}

/// The id, the method, and what is carried.
fn parts(message: &Message) -> (Option<RequestId>, Option<&str>, Option<Tree>, Option<Failure>) {
    let tree = |raw: &Option<RawJson>| raw.as_ref().map(|raw| Tree::read(raw.get()));
    match message {
        Message::Request { id, method, params } => (Some(id.clone()), Some(method), tree(params), None),
        Message::Notification { method, params } => (None, Some(method), tree(params), None),
        Message::Response { id, result: Ok(result) } => (id.clone(), None, Some(Tree::read(result.get())), None),
        Message::Response { id, result: Err(error) } => (id.clone(), None, None, Some(failure(error))),
        other => unreachable!("{other:?}"),
    }
}

type Failure = (i64, String, Option<Tree>);

fn failure(error: &RpcError) -> Failure {
    (error.code, error.message.clone(), error.data.as_ref().map(|data| Tree::read(data.get())))
}
