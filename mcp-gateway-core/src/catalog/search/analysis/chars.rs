//! What kind of character one is, and what it is compared as.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// What a character means for where words begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Not part of a word.
    Apart,
    Apostrophe,
    Upper,
    /// A lower-case letter, or one of a script that has no case.
    Lower,
    Digit,
    /// Of a script that puts no spaces between words.
    Unspaced,
}

pub(super) fn sort(c: char) -> Sort {
    match c {
        'a'..='z' => Sort::Lower,
        'A'..='Z' => Sort::Upper,
        '0'..='9' => Sort::Digit,
        '\'' | '’' => Sort::Apostrophe,
        '\0'..='\x7f' => Sort::Apart,
        // Thai to Khmer, kana, Han, and Hangul, whose particles hang on the words.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Sort::Unspaced,
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Sort::Unspaced,
        '\u{ac00}'..='\u{d7a3}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}' => Sort::Unspaced,
        c if c.is_uppercase() => Sort::Upper,
        c if c.is_numeric() => Sort::Digit,
        // A mark goes with its letter.
        c if c.is_alphabetic() || is_combining_mark(c) => Sort::Lower,
        _ => Sort::Apart,
    }
}

/// Adds a character in the form in which it is compared: lower case, one width, without accents.
pub(super) fn fold(c: char, into: &mut String) {
    if c.is_ascii() {
        into.push(c.to_ascii_lowercase());
        return;
    }
    // In other scripts a mark is as much a letter as any other.
    let has_accents = matches!(c, '\u{80}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}');
    for c in std::iter::once(c).nfkc().flat_map(char::to_lowercase) {
        match c {
            'ß' => into.push_str("ss"),
            'æ' => into.push_str("ae"),
            'œ' => into.push_str("oe"),
            'ø' => into.push('o'),
            'ł' => into.push('l'),
            'ё' => into.push('е'),
            _ if has_accents => into.extend(std::iter::once(c).nfd().filter(|c| !is_combining_mark(*c))),
            _ => into.push(c),
        }
    }
}
