//! Texts of strangers, so that a person sees every character of them.

/// The text with everything that a terminal or a window would not show as itself written out: control characters, marks
/// that turn the direction of writing, and characters without width. Line breaks stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As [`visible`], on one line.
pub fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_hidden_and_nothing_else_changes() {
        assert_eq!(visible("rm \u{202e}txt.exe\u{200b}\u{1b}[2J"), "rm \\u{202e}txt.exe\\u{200b}\\u{1b}[2J");
        assert_eq!(visible("ünïcode ☃ 日本\n\"x\""), "ünïcode ☃ 日本\n\"x\"");
        assert_eq!(visible_line("a\nRule: allow"), "a\\nRule: allow");
        assert_eq!(visible("\u{e0041}"), "\\u{e0041}");
    }
}
