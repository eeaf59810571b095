//! What the shape of a client's JSON may not be, because two readers would understand it differently.

use std::collections::HashSet;

use super::scan::end_of_text;
use super::{RawJson, RpcError, code};

/// The deepest nesting that is taken.
const MAX_DEPTH: usize = 128;

/// Refuses parameters that are nested too deeply, or in which an object has a key twice, in one spelling or in several:
/// some servers take `Name` for `name`, so that what policy has read would not be what is carried out.
///
/// Keys inside `arguments` are the tool's own, where only the same key twice is refused.
///
/// # Errors
/// `-32602`, which names the key.
pub fn check_shape(params: &RawJson) -> Result<(), RpcError> {
    let bytes = params.get().as_bytes();
    let mut open: Vec<Option<Keys>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                if open.len() >= MAX_DEPTH {
                    return Err(RpcError::new(
                        code::INVALID_PARAMS,
                        format!("nested more than {MAX_DEPTH} levels deep"),
                    ));
                }
                let known = match open.as_slice() {
                    [] => PROTOCOL_KEYS,
                    [root] => known_in(root.as_ref()),
                    _ => &[],
                };
                open.push((byte == b'{').then(|| Keys::new(known)));
            }
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let end = end_of_text(bytes, at);
                let is_key = bytes.get(end..).is_some_and(|rest| next_token(rest) == Some(b':'));
                if is_key && let Some(Some(keys)) = open.last_mut() {
                    keys.add(&params.get()[at..end])?;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The keys that the protocol knows in the member that is being read.
fn known_in(root: Option<&Keys>) -> &'static [&'static str] {
    match root.map(|keys| keys.last.as_str()) {
        Some("_meta") => META_KEYS,
        Some("ref") => &["name", "type", "uri"],
        Some("argument") => &["name", "value"],
        Some("task") => &["ttl"],
        _ => &[],
    }
}

/// The keys of one object.
struct Keys {
    seen: HashSet<String>,
    /// The keys that the protocol knows here, of which another spelling is the same to some.
    known: &'static [&'static str],
    last: String,
}

impl Keys {
    fn new(known: &'static [&'static str]) -> Self {
        Self { seen: HashSet::new(), known, last: String::new() }
    }

    fn add(&mut self, quoted: &str) -> Result<(), RpcError> {
        let key: String = serde_json::from_str(quoted).unwrap_or_default();
        let refused = |why: &str| {
            let shown: String = key.chars().take(64).collect();
            Err(RpcError::new(code::INVALID_PARAMS, format!("key `{shown}` {why}")))
        };
        if !self.known.is_empty() && !self.known.contains(&key.as_str()) {
            let folded = fold(&key);
            if self.known.iter().any(|known| fold(known) == folded) {
                return refused("is not how the protocol spells it");
            }
        }
        self.last.clone_from(&key);
        if self.seen.insert(key.clone()) { Ok(()) } else { refused("stands twice") }
    }
}

/// The keys of parameters that the gateway or a server acts upon.
const PROTOCOL_KEYS: &[&str] = &[
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

/// The keys of `_meta` that the gateway or a server acts upon; all others are their owners'.
const META_KEYS: &[&str] = &[
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/related-task",
    "progressToken",
    "traceparent",
    "tracestate",
];

/// As readers fold that do not tell upper from lower case, whichever of the two they turn keys into: `ſ`, `ı`, `İ`, `ß`
/// and the Kelvin sign are letters to one or another of them.
fn fold(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    // `İ` becomes an `i` with a dot that some readers leave out.
    let letters = key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    letters.filter(|letter| *letter != '\u{307}').collect()
}

fn next_token(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        check_shape(&RawJson::parse(text).unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn one_key_has_one_meaning() {
        for text in [
            r#"{"name":"a","arguments":{"Name":1,"name":2,"x":[{"a":1},{"a":2}]}}"#,
            r#"{"_meta":{"progressToken":1,"Vendor/x":"name\":"},"name":"a"}"#,
            r#"{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"n","value":"\\"}}"#,
            r#"{"uri":"a://b", "_meta" : { "Context": 1, "URI": 2, "context": 3 } }"#,
            "{}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            r#"{"name":"a","Name":"b"}"#,
            r#"{"NAME":"b"}"#,
            r#"{"name":"a","na\u006de":"b"}"#,
            r#"{"argument\u017f":{}}"#,
            r#"{"name":"a","arguments":{"x":1,"x":2}}"#,
            r#"{"name":"a","arguments":{"deep":[{"x":1,"x":2}]}}"#,
            r#"{"_meta":{"ProgressToken":1}}"#,
            r#"{"ref":{"Name":"x"}}"#,
            r#"{"taskid":"x"}"#,
            r#"{"progresstoken":1}"#,
            r#"{"_meta":{"progresstoken":1}}"#,
            r#"{"_meta":{"io.ModelContextProtocol\/protocolVersion":"2026-07-28"}}"#,
            r#"{"ur\u0131":"x"}"#,
            r#"{"ur\u0130":"x"}"#,
            r#"{"_meta":{"progre\u00dfToken":1}}"#,
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| format!(r#"{{"arguments":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH - 1)), Ok(()));
        assert!(check(&nested(MAX_DEPTH)).is_err());
        assert!(check(&nested(100_000)).is_err());
    }
}
