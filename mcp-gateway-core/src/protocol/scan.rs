//! Steps through JSON that is known to be valid, without reading it again.
//!
//! What was checked once as a whole is only cut into parts here, so texts are skipped at the speed of a search. On a text
//! that is no JSON the parts mean nothing, but nothing else happens.

/// The parts of an object or a list, each with where it begins and ends; nothing for any other value.
pub(super) struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A member of an object, or an item of a list without its key.
pub(super) struct Part {
    /// The key with its quotes.
    pub(super) key: Option<(usize, usize)>,
    pub(super) value: (usize, usize),
}

impl<'a> Parts<'a> {
    /// The members of an object, if this is one.
    pub(super) fn of_object(text: &'a str) -> Option<Self> {
        Self::of(text, b'{')
    }

    /// The items of a list, if this is one.
    pub(super) fn of_list(text: &'a str) -> Option<Self> {
        Self::of(text, b'[')
    }

    fn of(text: &'a str, opening: u8) -> Option<Self> {
        let bytes = text.as_bytes();
        let at = skip_space(bytes, 0);
        (bytes.get(at) == Some(&opening)).then_some(Self { bytes, at: at + 1 })
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let mut start = skip_space(self.bytes, self.at);
        if matches!(self.bytes.get(start), None | Some(b'}' | b']')) {
            return None;
        }
        let mut end = end_of_value(self.bytes, start);
        let mut next = skip_space(self.bytes, end);
        let mut key = None;
        if self.bytes.get(next) == Some(&b':') {
            key = Some((start, end));
            start = skip_space(self.bytes, next + 1);
            end = end_of_value(self.bytes, start);
            next = skip_space(self.bytes, end);
        }
        // Past the comma, and past whatever else there could be: each step leads on.
        self.at = if matches!(self.bytes.get(next), Some(b'}' | b']')) { next } else { next + 1 };
        Some(Part { key, value: (start, end) })
    }
}

/// The place after the value that begins here.
fn end_of_value(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        let is_whole = matches!(byte, b'"' | b'}' | b']');
        if is_whole && depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// The place after the closing quote of a text that begins here.
pub(super) fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += step;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

fn skip_space(bytes: &[u8], start: usize) -> usize {
    let space = bytes.get(start..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    start + space
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_where_they_stand() {
        let text = r#" { "a" : [1, {"x":"]}"}], "b\"" :-1.5e3,"c":"\\\"{","d":{} , "e":null}  "#;
        let parts: Vec<_> = Parts::of_object(text)
            .unwrap()
            .map(|part| (part.key.map(|(start, end)| &text[start..end]).unwrap(), &text[part.value.0..part.value.1]))
            .collect();
        let expected = [
            (r#""a""#, r#"[1, {"x":"]}"}]"#),
            (r#""b\"""#, "-1.5e3"),
            (r#""c""#, r#""\\\"{""#),
            (r#""d""#, "{}"),
            (r#""e""#, "null"),
        ];
        assert_eq!(parts, expected);
        let list = "[ 1 ,[2,3],\"]\" ]";
        let items: Vec<_> = Parts::of_list(list).unwrap().map(|part| &list[part.value.0..part.value.1]).collect();
        assert_eq!(items, ["1", "[2,3]", "\"]\""]);
        for empty in ["{}", " { } "] {
            assert_eq!(Parts::of_object(empty).unwrap().count(), 0);
        }
        assert!(Parts::of_object("[]").is_none() && Parts::of_list("1").is_none() && Parts::of_list("").is_none());
    }

    #[test]
    fn what_is_no_json_has_an_end_too() {
        for text in ["{", "[[", "{\"", "{\"a", "{\"a\":", "{:}", "[,,]", "{\"a\" 1}", "[\"\\", "{]}", "[}}}"] {
            let parts = Parts::of_object(text).or_else(|| Parts::of_list(text)).unwrap();
            assert!(parts.take(100).count() < 100, "{text}");
        }
    }
}
