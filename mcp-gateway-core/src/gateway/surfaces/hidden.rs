//! Characters that a person does not see and a model reads.

/// A character that is hidden where it stands, as a flag names it.
///
/// # Behavior
/// - Bidirectional embeddings, overrides and isolates; zero-width characters; tag characters; variation selectors where
///   there is nothing that they vary; fillers; control characters, ANSI escapes among them.
/// - Joiners between letters of scripts that need them and in emoji, one variation selector after an emoji or an
///   ideograph, and directional marks in text that is written from right to left are not hidden.
pub(crate) fn hidden(text: &str) -> Option<&'static str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r')) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let is_rtl = characters.iter().any(|c| is_right_to_left(*c));
    characters.iter().enumerate().find_map(|(at, c)| {
        let before = at.checked_sub(1).map(|at| characters[at]);
        kind(*c, before, characters.get(at + 1).copied(), is_rtl)
    })
}

fn kind(c: char, before: Option<char>, after: Option<char>, is_rtl: bool) -> Option<&'static str> {
    let beside_script = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_invisible(c) || is_selector(c));
    Some(match c {
        '\n' | '\t' | '\r' => return None,
        '\u{1b}' | '\u{9b}' => "terminal escape",
        c if c.is_control() => "control character",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "bidirectional control",
        '\u{200e}' | '\u{200f}' | '\u{61c}' if !is_rtl => "directional mark",
        '\u{200c}' | '\u{200d}' if !(beside_script(before) && beside_script(after)) => "zero-width joiner",
        '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' | '\u{ad}' | '\u{34f}' => "zero-width character",
        '\u{e0000}'..='\u{e007f}' => "tag character",
        '\u{fe00}'..='\u{fe0f}' if !before.is_some_and(can_be_varied) => "variation selector",
        '\u{e0100}'..='\u{e01ef}' if !before.is_some_and(is_ideograph) => "variation selector",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}' => "invisible filler",
        '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' => "invisible control",
        _ => return None,
    })
}

/// Text in which everything that cannot be seen, or could steer a terminal, is written out, such as `\u{202E}`.
pub(crate) fn visible(text: &str) -> String {
    let is_plain = |c: char| !is_invisible(c) && (!c.is_control() || matches!(c, '\n' | '\t'));
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_plain(c) {
            shown.push(c);
        } else {
            shown.push_str(&format!("\\u{{{:04X}}}", u32::from(c)));
        }
    }
    shown
}

/// Whether a character has no picture of its own.
const fn is_invisible(c: char) -> bool {
    is_selector(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a variation selector after it makes another picture: digits and signs of keycaps, symbols, ideographs.
const fn can_be_varied(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*' | '\u{a9}' | '\u{ae}' | '\u{2010}'..='\u{2bff}' | '\u{3000}'..='\u{33ff}')
        || matches!(c, '\u{1f000}'..='\u{1faff}')
        || is_ideograph(c)
}

const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_found() {
        for (text, kind) in [
            ("a\u{202e}b", "bidirectional control"),
            ("a\u{2066}b", "bidirectional control"),
            ("zero\u{200b}width", "zero-width character"),
            ("pass\u{200d}word", "zero-width joiner"),
            ("x\u{feff}", "zero-width character"),
            ("tags \u{e0069}\u{e0067}", "tag character"),
            ("\u{1f3f4}\u{e0067}", "tag character"),
            ("a\u{fe0f}", "variation selector"),
            ("\u{1f600}\u{fe0f}\u{fe0e}", "variation selector"),
            ("b\u{e0101}", "variation selector"),
            ("\u{1b}[8mhidden\u{1b}[0m", "terminal escape"),
            ("bell\u{7}", "control character"),
            ("left\u{200e}", "directional mark"),
            ("\u{3164}", "invisible filler"),
        ] {
            assert_eq!(hidden(text), Some(kind), "{text:?}");
        }
    }

    #[test]
    fn what_people_write_is_not() {
        for text in [
            "plain text\n\twith lines\r\n",
            "Gr\u{fc}\u{df}e \u{2014} \u{201c}quoted\u{201d}\u{2026}",
            "\u{2764}\u{fe0f} and 1\u{fe0f}\u{20e3}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd} (v2)\u{200f}",
            "\u{8fbb}\u{e0100}",
        ] {
            assert_eq!(hidden(text), None, "{text:?}");
        }
    }

    #[test]
    fn it_is_written_out_for_people() {
        assert_eq!(visible("a\u{202e}b\u{e0041}\u{1b}[0m\n"), "a\\u{202E}b\\u{E0041}\\u{001B}[0m\n");
        assert_eq!(visible("Gr\u{fc}\u{df}e"), "Gr\u{fc}\u{df}e");
    }
}
