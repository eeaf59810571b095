//! What is left of a word without its ending.

use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
static RUSSIAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Russian));
static GREEK: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Greek));
static ARABIC: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::Arabic));

/// A word without its ending, as the language has it that is usually written in its script.
///
/// What matters is that the forms of a word become one, not that the result is one.
pub(super) fn stem(word: &str) -> String {
    let stemmer = match word.chars().next() {
        // What has digits is a name or a code.
        Some('a'..='z') if word.bytes().all(|byte| byte.is_ascii_lowercase()) => &ENGLISH,
        Some('\u{370}'..='\u{3ff}') => &GREEK,
        Some('\u{400}'..='\u{4ff}') => &RUSSIAN,
        Some('\u{600}'..='\u{6ff}') => &ARABIC,
        _ => return word.to_owned(),
    };
    stemmer.stem(word).into_owned()
}
