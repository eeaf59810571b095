//! JSON with nothing escaped that need not be, so that a value has one form in it.

/// The same JSON with `\/` and every `\u….` as short as they can be; `None` where nothing is written longer.
pub(crate) fn plain_json(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let first = memchr::memchr_iter(b'\\', bytes).find(|at| matches!(bytes.get(at + 1), Some(b'u' | b'/')))?;
    // An escape that only looks like one, as in `\\u`, costs a copy and changes nothing.
    let mut out = String::with_capacity(json.len());
    let (mut from, mut at) = (0, first - bytes[..first].iter().rev().take_while(|byte| **byte == b'\\').count());
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]).map(|found| at + found) {
        let (c, length) = match bytes.get(found + 1) {
            Some(b'/') => ('/', 2),
            Some(b'u') => match unescaped(&json[found..]) {
                Some(unescaped) => unescaped,
                None => {
                    at = (found + 6).min(json.len());
                    continue;
                }
            },
            _ => {
                at = (found + 2).min(json.len());
                continue;
            }
        };
        out.push_str(&json[from..found]);
        push(&mut out, c);
        from = found + length;
        at = from;
    }
    out.push_str(&json[from..]);
    Some(out)
}

/// The character of an escape, and how long that is; half of a pair alone is no character.
fn unescaped(text: &str) -> Option<(char, usize)> {
    let unit = |from: usize| u16::from_str_radix(text.get(from..from + 4)?, 16).ok();
    let first = unit(2)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c, 6));
    }
    let second = unit(8).filter(|_| text.get(6..8) == Some("\\u"))?;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((c, 12))
}

fn push(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_longer_than_it_need_be_is_shortened_and_means_the_same() {
        for json in [
            r#""a\/b""#,
            r#""\u0061\u0062""#,
            r#""\\u0061 \\\u0061 \\\\\/""#,
            r#""\u0022\u005c\u000a\u0001\u001F""#,
            r#""\ud83d\ude00 \uD83D x""#,
            r#""\n\"\\ \u00e9""#,
            r#"{"\u006b":["\u0078",1,"\\"]}"#,
        ] {
            let short = plain_json(json).unwrap();
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            assert_eq!(read(&short), read(json), "{json} {short}");
            assert!(plain_json(&short).is_none_or(|again| again == short), "{short}");
        }
        assert_eq!(plain_json(r#""\\\\ \n \" é""#), None);
        assert_eq!(plain_json(r#""\\\u0061""#).unwrap(), r#""\\a""#);
    }
}
