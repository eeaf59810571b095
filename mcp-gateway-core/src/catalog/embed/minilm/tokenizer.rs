//! From text to the numbers of word pieces, as BERT's uncased models were trained with.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::broken;
use crate::error::Result;

/// The shortest piece that says something by itself, in letters.
const MIN_WORD: usize = 3;
/// The longest word that is cut into pieces, in characters; a longer one is unknown.
const MAX_WORD: usize = 100;
/// What a piece begins with that goes on with a word.
const CONTINUED: &str = "##";

/// The pieces that a model knows.
#[derive(Debug)]
pub(super) struct Tokenizer {
    pieces: HashMap<Box<str>, u32>,
    /// Those that are words.
    words: HashSet<u32>,
    unknown: u32,
    first: u32,
    last: u32,
}

impl Tokenizer {
    /// Takes the pieces, each with its number.
    pub(super) fn new(pieces: HashMap<Box<str>, u32>) -> Result<Self> {
        let number = |name: &str| {
            let number = pieces.get(name).copied();
            number.ok_or_else(|| broken(format!("the vocabulary has no `{name}`")))
        };
        let (unknown, first, last) = (number("[UNK]")?, number("[CLS]")?, number("[SEP]")?);
        let is_word = |piece: &str| piece.chars().all(char::is_alphabetic) && piece.chars().nth(MIN_WORD - 1).is_some();
        let words = pieces.iter().filter(|(piece, _)| is_word(piece)).map(|(_, number)| *number).collect();
        Ok(Self { pieces, words, unknown, first, last })
    }

    /// The greatest number of a piece.
    pub(super) fn greatest(&self) -> u32 {
        self.pieces.values().copied().max().unwrap_or_default()
    }

    /// The pieces of a text between the marks of its begin and end, at most so many with them.
    pub(super) fn encode(&self, text: &str, limit: usize) -> Vec<u32> {
        let room = limit.saturating_sub(1);
        let mut numbers = vec![self.first];
        let mut word = String::new();
        for c in text.chars().flat_map(char::to_lowercase).nfd() {
            if numbers.len() >= room {
                break;
            }
            match sort(c) {
                Sort::Dropped => {}
                Sort::Space => self.cut(&mut word, &mut numbers),
                Sort::Alone => {
                    self.cut(&mut word, &mut numbers);
                    word.push(c);
                    self.cut(&mut word, &mut numbers);
                }
                Sort::Part => word.push(c),
            }
        }
        self.cut(&mut word, &mut numbers);
        numbers.truncate(room);
        numbers.push(self.last);
        numbers
    }

    /// Whether one of the pieces is a whole word; a model makes something up of texts in which it knows none.
    pub(super) fn knows(&self, numbers: &[u32]) -> bool {
        numbers.iter().any(|number| self.words.contains(number))
    }

    /// Cuts a word into the longest pieces that there are, from its begin on.
    fn cut(&self, word: &mut String, numbers: &mut Vec<u32>) {
        let word = std::mem::take(word);
        if word.is_empty() {
            return;
        }
        let whole = numbers.len();
        let mut rest = word.as_str();
        let mut piece = String::new();
        if word.chars().nth(MAX_WORD).is_some() {
            rest = "";
            numbers.push(self.unknown);
        }
        while !rest.is_empty() {
            let before = if rest.len() == word.len() { "" } else { CONTINUED };
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let known = ends.into_iter().find_map(|end| {
                piece.clear();
                piece.push_str(before);
                piece.push_str(&rest[..end]);
                self.pieces.get(piece.as_str()).map(|number| (end, *number))
            });
            let Some((end, number)) = known else {
                numbers.truncate(whole);
                numbers.push(self.unknown);
                return;
            };
            numbers.push(number);
            rest = &rest[end..];
        }
    }
}

/// What a character does to the word that it stands in.
enum Sort {
    Dropped,
    Space,
    /// A word by itself.
    Alone,
    Part,
}

fn sort(c: char) -> Sort {
    if matches!(c, ' ' | '\t' | '\n' | '\r') {
        return Sort::Space;
    }
    if c.is_ascii() {
        return match () {
            () if c.is_ascii_control() => Sort::Dropped,
            () if c.is_ascii_punctuation() => Sort::Alone,
            () => Sort::Part,
        };
    }
    match c.general_category() {
        GeneralCategory::NonspacingMark => Sort::Dropped,
        GeneralCategory::SpaceSeparator | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Sort::Space
        }
        _ if c == char::REPLACEMENT_CHARACTER => Sort::Dropped,
        _ if is_han(c) => Sort::Alone,
        _ => match c.general_category_group() {
            GeneralCategoryGroup::Other => Sort::Dropped,
            GeneralCategoryGroup::Punctuation => Sort::Alone,
            _ => Sort::Part,
        },
    }
}

/// Characters of Chinese writing, each of which is a word; kana and hangul are not among them.
fn is_han(c: char) -> bool {
    matches!(u32::from(c),
        0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2A6DF
        | 0x2A700..=0x2CEAF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [&str; 16] = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "time", "##zone", "##s", "cafe", "create", "_", "issue", "中", "文", ".",
        "a", "##b",
    ];

    fn tokenizer() -> Tokenizer {
        let pieces = PIECES.iter().enumerate().map(|(number, piece)| (Box::from(*piece), number as u32));
        Tokenizer::new(pieces.collect()).unwrap()
    }

    fn pieces(text: &str) -> Vec<&'static str> {
        tokenizer().encode(text, 64).into_iter().map(|number| PIECES[number as usize]).collect()
    }

    #[test]
    fn words_are_cut_into_the_longest_pieces() {
        assert_eq!(pieces("Timezones"), ["[CLS]", "time", "##zone", "##s", "[SEP]"]);
        assert_eq!(pieces("create_issue."), ["[CLS]", "create", "_", "issue", ".", "[SEP]"]);
        assert_eq!(pieces("timex create"), ["[CLS]", "[UNK]", "create", "[SEP]"], "a word is known as a whole or not");
        assert_eq!(pieces(""), ["[CLS]", "[SEP]"]);
        assert_eq!(pieces(&"a".repeat(101)), ["[CLS]", "[UNK]", "[SEP]"]);
    }

    #[test]
    fn case_accents_and_what_is_not_seen_make_no_difference() {
        assert_eq!(pieces("CAFÉ cafe\u{301} ca\u{200b}fe\u{0}"), ["[CLS]", "cafe", "cafe", "cafe", "[SEP]"]);
        assert_eq!(pieces("中文time"), ["[CLS]", "中", "文", "time", "[SEP]"]);
        assert_eq!(pieces("time\u{a0}time\u{3000}time\ttime"), ["[CLS]", "time", "time", "time", "time", "[SEP]"]);
    }

    #[test]
    fn texts_without_a_word_are_told_apart() {
        let knows = |text: &str| tokenizer().knows(&tokenizer().encode(text, 64));
        assert!(knows("timezones") && knows("what issue"));
        assert!(!knows("") && !knows("qzxv ab._") && !knows("zone") && !knows("中文"));
    }

    #[test]
    fn no_text_is_too_long() {
        let long = "timezones ".repeat(100_000);
        let numbers = tokenizer().encode(&long, 16);
        assert_eq!(numbers.len(), 16);
        assert_eq!(numbers.last(), Some(&3));
        assert_eq!(tokenizer().encode("ab ab", 4), [2, 14, 15, 3], "the mark of the end has its place");
    }

    #[test]
    fn a_vocabulary_has_the_marks() {
        let error = Tokenizer::new(HashMap::from([(Box::from("[UNK]"), 0)])).unwrap_err();
        assert!(error.to_string().contains("[CLS]"), "{error}");
    }
}
