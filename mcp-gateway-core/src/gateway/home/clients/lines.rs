//! What a change does to a text, for people.

use std::ops::Range;

/// The lines that one piece of text takes up that is put in or taken out; empty where nothing changes.
///
/// Nothing around it is shown, not even the rest of its line: what others keep in such files may be secret.
pub(super) fn diff(before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let (shorter, longer, mark) = if after.len() >= before.len() { (before, after, '+') } else { (after, before, '-') };
    let piece = piece(shorter, longer);
    let text = &longer[piece.clone()];
    let said = text.trim_start_matches(['\n', '\r']);
    let line = longer[..piece.end - said.len()].matches('\n').count() + 1;
    let mut shown = format!("@@ line {line} @@\n");
    for line in said.trim_end_matches(['\n', '\r']).lines() {
        shown.push(mark);
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// Where the longer text has what the shorter one has not.
fn piece(shorter: &str, longer: &str) -> Range<usize> {
    let same =
        shorter.chars().zip(longer.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
    let rest = shorter[same..].chars().rev().zip(longer[same..].chars().rev());
    let tail = rest.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
    let (mut start, mut end) = (same, longer.len() - tail);
    // Of the places where it could have been put in, the end of a line reads best, and then the beginning of a text.
    let mut best = start..end;
    loop {
        match longer[start..end].chars().next() {
            Some('\n' | '\r') => return start..end,
            Some('"') => best = start..end,
            _ => {}
        }
        match (longer[..start].chars().next_back(), longer[start..end].chars().next_back()) {
            (Some(before), Some(last)) if before == last => {
                start -= before.len_utf8();
                end -= last.len_utf8();
            }
            _ => return best,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_or_taken_out_is_shown_and_nothing_else() {
        assert_eq!(diff("a\nb\n", "a\nb\n"), "");
        assert_eq!(
            diff("{\n  \"b\": \"secret\"\n}", "{\n  \"a\": 1,\n  \"b\": \"secret\"\n}"),
            "@@ line 2 @@\n+  \"a\": 1,\n"
        );
        assert_eq!(diff("{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"b\": 2\n}"), "@@ line 2 @@\n-  \"a\": 1,\n");
        assert_eq!(diff(r#"{"k": "secret"}"#, r#"{"a": {}, "k": "secret"}"#), "@@ line 1 @@\n+\"a\": {}, \n");
        assert_eq!(diff("", "x\ny\n"), "@@ line 1 @@\n+x\n+y\n");
        assert_eq!(diff("x\n", "x\n\n[t]\nz = \"é\"\n"), "@@ line 3 @@\n+[t]\n+z = \"é\"\n");
    }
}
