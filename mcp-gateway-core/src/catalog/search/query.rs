//! What is searched for.

/// The most characters of a query that count.
pub(super) const MAX_TEXT: usize = 4_096;
/// The most servers that one search gives.
pub(super) const MAX_LIMIT: usize = 1_000;

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
}

impl SearchQuery {
    /// Looks for the ten best servers of any category and catalog.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), category: None, source: None, limit: 10 }
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
    pub(super) fn bounded(&self) -> &str {
        let end = self.text.char_indices().nth(MAX_TEXT).map_or(self.text.len(), |(at, _)| at);
        &self.text[..end]
    }
}
