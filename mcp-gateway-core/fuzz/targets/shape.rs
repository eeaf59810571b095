//! What passes the check of its shape means the same to the gateway and to a server that reads keys carelessly: without
//! regard to case, the last of several.
//!
//! Input: the JSON of a request's parameters.

#![no_main]

mod common;

use common::tree::Tree;
use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::protocol::{RawJson, RawObject, check_shape};

/// The members that are acted upon.
const MEMBERS: [&str; 16] = [
    "_meta",
    "argument",
    "arguments",
    "context",
    "cursor",
    "inputResponses",
    "level",
    "name",
    "notifications",
    "progressToken",
    "ref",
    "requestId",
    "requestState",
    "task",
    "taskId",
    "uri",
];

/// The members of members that are acted upon.
const INNER: [(&str, &[&str]); 3] = [
    (
        "_meta",
        &[
            "progressToken",
            "io.modelcontextprotocol/clientCapabilities",
            "io.modelcontextprotocol/clientInfo",
            "io.modelcontextprotocol/logLevel",
            "io.modelcontextprotocol/protocolVersion",
        ],
    ),
    ("ref", &["name", "uri"]),
    ("argument", &["name"]),
];

fuzz_target!(|text: &str| {
    let Ok(params) = RawJson::parse(text) else { return };
    let accepted = check_shape(&params).is_ok();
    let Ok(object) = params.object() else { return };
    if !accepted {
        return;
    }
    let tree = Tree::read(params.get());
    compare(&object, &tree, &MEMBERS);
    for (member, inner) in INNER {
        if let Some(object) = object.get(member).and_then(|value| value.object().ok()) {
            compare(&object, &Tree::read(object.to_raw().get()), inner);
        }
    }
});

fn compare(object: &RawObject, tree: &Tree, members: &[&str]) {
    for member in members {
        let ours = object.get(member).map(|value| Tree::read(value.get()));
        for (how, same) in READERS {
            let theirs = tree.last(|key| same(key, member));
            assert_eq!(ours.as_ref(), theirs, "`{member}` to a reader that compares keys {how}");
        }
    }
}

/// Whether two keys are the same to a reader.
type Same = fn(&str, &str) -> bool;

const READERS: [(&str, Same); 5] = [
    ("exactly", |one, other| one == other),
    ("in lower case", |one, other| one.to_lowercase() == other.to_lowercase()),
    ("in upper case", |one, other| one.to_uppercase() == other.to_uppercase()),
    ("folded", |one, other| one.to_uppercase().to_lowercase() == other.to_uppercase().to_lowercase()),
    ("letter by letter", |one, other| {
        one.chars().count() == other.chars().count() && one.chars().zip(other.chars()).all(same_letter)
    }),
];

/// As those compare who map each letter to one other: Go, Java.
fn same_letter((one, other): (char, char)) -> bool {
    upper(one) == upper(other) || lower(upper(one)) == lower(upper(other))
}

fn upper(letter: char) -> char {
    let mut all = letter.to_uppercase();
    if all.len() == 1 { all.next().unwrap_or(letter) } else { letter }
}

fn lower(letter: char) -> char {
    // Only the dotted capital I has more than one, and there the first is the plain one.
    letter.to_lowercase().next().unwrap_or(letter)
}
