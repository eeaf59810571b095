#![doc = include_str!("docs.md")]

mod analysis;
mod categories;
mod document;
mod found;
mod fuse;
mod inverted;
mod plan;
mod query;
mod rank;
mod score;
mod semantic;
#[cfg(test)]
mod semantic_tests;
#[cfg(test)]
mod tests;
mod typo;
mod weights;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::catalog::{Embedder, VectorCache};
use crate::error::Result;
use crate::model::{ServerEntry, ServerName, Surface};

pub use found::{Match, SearchResult, ToolMatch};
pub use query::SearchQuery;

use inverted::{DocId, Inverted};
use semantic::Meanings;

/// Servers and their tools, to be found by words.
///
/// # Behavior
/// - Entries come and go one by one; putting one in again that has not changed costs nothing.
/// - What is found depends on what is in it, not on how it came there.
/// - What is taken of one server is bounded: 5,000 tools, 2,000 bytes of each text.
/// - With a model, a query that [`VectorCache::embed_query`] was asked about is searched by meaning too, once every text
///   has its vector; until then, and without a model, by words alone.
///
/// ```
/// use std::sync::Arc;
/// use mcp_gateway_core::catalog::{SearchIndex, SearchQuery};
/// use mcp_gateway_core::model::{ServerEntry, ServerName};
///
/// let mut entry = ServerEntry::image(ServerName::new("clock")?, "mcp/clock");
/// entry.description = Some("Converts between time zones".to_owned());
/// let mut index = SearchIndex::new();
/// index.put(Arc::new(entry), None);
/// let found = index.search(&SearchQuery::new("what is the timezone of Tokyo?"));
/// assert_eq!(found.matches[0].entry.name.as_str(), "clock");
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Default)]
pub struct SearchIndex {
    places: HashMap<ServerName, usize>,
    servers: Vec<Option<Server>>,
    free: Vec<usize>,
    /// What servers say of themselves, and whose each text is.
    heads: Inverted,
    head_of: Vec<usize>,
    /// What is said of tools, and whose each text is: the server's place, and the tool's among its tools.
    tools: Inverted,
    tool_of: Vec<(usize, usize)>,
    /// What the texts mean, where there is a model.
    meanings: Option<Meanings>,
}

/// A server in an index.
struct Server {
    entry: Arc<ServerEntry>,
    /// Whether its tools are those that it was seen to offer.
    is_seen: bool,
    head: DocId,
    tools: Box<[Tool]>,
}

/// A tool in an index.
struct Tool {
    doc: DocId,
    name: String,
    description: Option<String>,
}

impl SearchIndex {
    /// An index of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index of nothing, to be searched by meaning too.
    pub fn with_embedder(embedder: Arc<dyn Embedder>) -> Self {
        Self::new().with_vectors(Arc::new(VectorCache::new(embedder)))
    }

    /// Searches by meaning too, with vectors that are kept here; what is in the index already has to be put in anew.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Arc<VectorCache>) -> Self {
        self.meanings = Some(Meanings::new(vectors));
        self
    }

    /// Where its vectors are kept.
    pub fn vectors(&self) -> Option<&Arc<VectorCache>> {
        self.meanings.as_ref().map(Meanings::cache)
    }

    /// The texts whose vectors are not there: those to [`learn`](VectorCache::learn), before [`refresh`](Self::refresh).
    pub fn missing(&self) -> Vec<Arc<str>> {
        self.meanings.as_ref().map(Meanings::missing).unwrap_or_default()
    }

    /// Takes in the vectors that were learnt since.
    pub fn refresh(&mut self) {
        if let Some(meanings) = &mut self.meanings {
            meanings.refresh();
        }
    }

    /// Computes the vectors that are not there; takes as long as the model does.
    ///
    /// # Errors
    /// As [`VectorCache::learn`].
    pub fn embed(&mut self) -> Result<()> {
        let missing = self.missing();
        let learnt = self.vectors().filter(|_| !missing.is_empty()).map_or(Ok(()), |vectors| vectors.learn(&missing));
        self.refresh();
        learnt
    }

    /// How many servers it has.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has no server.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes a server in, in place of one of the same name.
    ///
    /// What it was seen to offer counts in place of the tools that its entry names.
    pub fn put(&mut self, entry: Arc<ServerEntry>, surface: Option<&Surface>) {
        let before = self.places.get(&entry.name).and_then(|place| self.servers[*place].as_ref());
        if surface.is_none() && before.is_some_and(|before| !before.is_seen && is_same(&before.entry, &entry)) {
            return;
        }
        self.remove(&entry.name);
        let place = self.free.pop().unwrap_or(self.servers.len());
        let tags = entry.metadata.as_ref().map(|metadata| metadata.tags.join(" ")).unwrap_or_default();
        let head = self.heads.add(&document::server(&entry, &tags, surface));
        if let Some(meanings) = &mut self.meanings {
            meanings.put_head(head, &document::meaning(&entry, &tags));
        }
        set(&mut self.head_of, head as usize, place);
        let mut tools = Vec::new();
        for (position, tool) in document::tools(&entry, surface).into_iter().enumerate() {
            let doc = self.tools.add(&tool.fields());
            set(&mut self.tool_of, doc as usize, (place, position));
            if let Some(meanings) = &mut self.meanings {
                meanings.put_tool(doc, &tool.meaning());
            }
            tools.push(Tool { doc, name: tool.name, description: tool.description });
        }
        self.places.insert(entry.name.clone(), place);
        let server = Server { entry, is_seen: surface.is_some(), head, tools: tools.into_boxed_slice() };
        set(&mut self.servers, place, Some(server));
    }

    /// Forgets a server.
    pub fn remove(&mut self, server: &ServerName) {
        let Some(place) = self.places.remove(server) else { return };
        if let Some(server) = self.servers[place].take() {
            let tools: Vec<_> = server.tools.iter().map(|tool| tool.doc).collect();
            self.heads.remove(&[server.head]);
            self.tools.remove(&tools);
            if let Some(meanings) = &mut self.meanings {
                meanings.remove(server.head, &tools);
            }
        }
        self.free.push(place);
    }

    /// The entry of a server that it has.
    pub fn get(&self, server: &ServerName) -> Option<&Arc<ServerEntry>> {
        self.servers[*self.places.get(server)?].as_ref().map(|server| &server.entry)
    }

    /// The servers that it has, in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<ServerEntry>> {
        self.servers.iter().flatten().map(|server| &server.entry)
    }

    /// Finds the servers, and their tools, that fit a query best.
    ///
    /// # Behavior
    /// - The same input gives the same answer, in the same order: what scores alike is ordered by the server's name.
    /// - Nothing that fits is an empty answer, with categories to go on with.
    pub fn search(&self, query: &SearchQuery) -> SearchResult {
        rank::search(self, query)
    }
}

impl fmt::Debug for SearchIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchIndex").field("servers", &self.len()).finish_non_exhaustive()
    }
}

fn is_same(a: &Arc<ServerEntry>, b: &Arc<ServerEntry>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// Puts a value at a place that may be the next one after the last.
fn set<T>(list: &mut Vec<T>, place: usize, value: T) {
    match list.get_mut(place) {
        Some(there) => *there = value,
        None => list.push(value),
    }
}
