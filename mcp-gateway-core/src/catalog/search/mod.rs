//! Finding servers and their tools by words.

mod found;
mod query;
mod rank;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::{ServerEntry, ServerName, Surface};

pub use found::{Match, SearchResult, ToolMatch};
pub use query::SearchQuery;

use query::MAX_LIMIT;

/// The most categories that are named where nothing fits.
const MAX_CATEGORIES: usize = 5;

/// Servers and their tools, to be found by words.
///
/// ```
/// use std::sync::Arc;
/// use mcp_gateway_core::catalog::{SearchIndex, SearchQuery};
/// use mcp_gateway_core::model::{ServerEntry, ServerName};
///
/// let mut entry = ServerEntry::image(ServerName::new("time")?, "mcp/time");
/// entry.description = Some("Converts between time zones".to_owned());
/// let mut index = SearchIndex::new();
/// index.put(Arc::new(entry), None);
/// let found = index.search(&SearchQuery::new("time zone"));
/// assert_eq!(found.matches[0].entry.name.as_str(), "time");
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct SearchIndex {
    entries: IndexMap<ServerName, Arc<ServerEntry>>,
}

impl SearchIndex {
    /// An index of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a server in, in place of one of the same name; what it was seen to offer says more than its entry.
    pub fn put(&mut self, entry: Arc<ServerEntry>, surface: Option<&Surface>) {
        let _ = surface;
        self.entries.insert(entry.name.clone(), entry);
    }

    /// Forgets a server.
    pub fn remove(&mut self, server: &ServerName) {
        self.entries.shift_remove(server);
    }

    /// Finds the servers, and their tools, that fit a query best.
    ///
    /// # Behavior
    /// - The same input gives the same answer, in the same order.
    /// - Nothing that fits is an empty answer, with categories to go on with.
    pub fn search(&self, query: &SearchQuery) -> SearchResult {
        let wanted: Vec<_> = self.entries.values().filter(|entry| is_asked_for(entry, query)).map(Arc::clone).collect();
        let matches = rank::search(&wanted, query.bounded(), query.limit.min(MAX_LIMIT));
        let categories = if matches.is_empty() { self.categories() } else { Vec::new() };
        SearchResult { matches, categories }
    }

    /// The categories with the most servers.
    fn categories(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in self.entries.values() {
            if let Some(category) = category(entry) {
                *counts.entry(category).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        counts.into_iter().take(MAX_CATEGORIES).map(|(name, _)| name.to_owned()).collect()
    }
}

fn category(entry: &ServerEntry) -> Option<&str> {
    entry.metadata.as_ref()?.category.as_deref()
}

fn is_asked_for(entry: &ServerEntry, query: &SearchQuery) -> bool {
    let is = |asked: &Option<String>, own: Option<&str>| {
        asked.as_deref().is_none_or(|asked| own.is_some_and(|own| own.to_lowercase() == asked.to_lowercase()))
    };
    is(&query.category, category(entry)) && is(&query.source, None)
}
