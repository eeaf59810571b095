//! What is searched for.

use std::sync::Arc;

use crate::catalog::embed::Vector;

/// The most characters of a query that count.
pub(super) const MAX_TEXT: usize = 4_096;
/// The most servers that one search gives.
pub(super) const MAX_LIMIT: usize = 1_000;

/// The most sentences that are looked for by what each of them means.
const MAX_SENTENCES: usize = 8;

/// What is searched for in an index: words, and which servers come into question.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SearchQuery {
    /// The words, or a whole question.
    pub text: String,
    /// Servers of this category only.
    pub category: Option<String>,
    /// Servers of this catalog only.
    pub source: Option<String>,
    /// The best so many servers.
    pub limit: usize,
    /// What the text means, and each of its sentences, where a model has said it.
    pub(crate) meaning: Arc<[Vector]>,
}

impl SearchQuery {
    /// Looks for the ten best servers of any category and catalog.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), category: None, source: None, limit: 10, meaning: Arc::default() }
    }

    /// Only servers of a category, in whatever case it is written.
    #[must_use]
    pub fn with_category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only servers that came from the catalog of this name.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// At most this many servers.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The part of the text that counts.
    pub(crate) fn bounded(&self) -> &str {
        let end = self.text.char_indices().nth(MAX_TEXT).map_or(self.text.len(), |(at, _)| at);
        &self.text[..end]
    }

    /// The text, and where it has several sentences, each of them.
    pub(crate) fn sentences(&self) -> Vec<&str> {
        let all = self.bounded().trim();
        let mut sentences = Vec::new();
        let mut rest = all;
        while sentences.len() < MAX_SENTENCES && !rest.is_empty() {
            let ends = rest.char_indices().zip(rest.chars().skip(1).map(Some).chain([None]));
            let is_end = |c: char, next: Option<char>| match c {
                '.' | '?' | '!' | ';' => next.is_none_or(char::is_whitespace),
                '。' | '？' | '！' | '\n' => true,
                _ => false,
            };
            let end = ends.into_iter().find(|((_, c), next)| is_end(*c, *next)).map(|((at, c), _)| at + c.len_utf8());
            let (sentence, after) = rest.split_at(end.unwrap_or(rest.len()));
            if sentence.chars().any(char::is_alphanumeric) {
                sentences.push(sentence.trim());
            }
            rest = after;
        }
        if sentences.len() > 1 {
            sentences.insert(0, all);
        } else {
            sentences = vec![all];
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_told_apart() {
        let of = |text: &str| SearchQuery::new(text).sentences().into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("version 1.2 of a.b"), ["version 1.2 of a.b"]);
        assert_eq!(of("One. Two?"), ["One. Two?", "One.", "Two?"]);
        assert_eq!(of("查询天气。写邮件"), ["查询天气。写邮件", "查询天气。", "写邮件"]);
        assert_eq!(of("... . !"), ["... . !"]);
        assert_eq!(of(""), [""]);
        assert_eq!(of(&"One. ".repeat(100)).len(), MAX_SENTENCES + 1);
    }
}
