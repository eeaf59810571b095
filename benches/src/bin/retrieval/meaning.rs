//! Searching by meaning: alone, and together with words.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mcp_gateway_core::catalog::{Embedder, MiniLmEmbedder, SearchIndex, SearchQuery, VectorCache};
use mcp_gateway_core::model::ServerEntry;

use crate::corpus::{self, Query, Tool};
use crate::figures::at;

/// The most texts whose vectors are computed to see how time grows; those of a larger catalog would take minutes.
const MOST: usize = 5_000;
/// How many queries are timed.
const QUERIES: usize = 100;

pub(crate) struct Model {
    vectors: Arc<VectorCache>,
}

/// The tools by nothing but what they mean.
pub(crate) struct Alone<'a> {
    embedder: &'a dyn Embedder,
    tools: Vec<(Vec<f32>, String)>,
}

impl Model {
    pub(crate) fn open(folder: &str) -> Result<Self, String> {
        let started = Instant::now();
        let model = MiniLmEmbedder::open(Path::new(folder)).map_err(|error| error.report())?;
        eprintln!("the model was read in {:.2} s", started.elapsed().as_secs_f64());
        Ok(Self { vectors: Arc::new(VectorCache::new(Arc::new(model))) })
    }

    /// An index with every vector, and how long these took.
    pub(crate) fn index(&self, tools: &[&Tool]) -> Result<(SearchIndex, f64), String> {
        let mut index = SearchIndex::new().with_vectors(Arc::clone(&self.vectors));
        corpus::entries(tools).into_iter().for_each(|entry| index.put(entry, None));
        let started = Instant::now();
        index.embed().map_err(|error| error.report())?;
        Ok((index, started.elapsed().as_secs_f64()))
    }

    pub(crate) fn search(&self, index: &SearchIndex, text: &str) -> Vec<String> {
        self.asked(corpus::query(text)).map(|query| corpus::best(index, &query)).unwrap_or_default()
    }

    pub(crate) fn alone(&self, tools: &[&Tool]) -> Result<Alone<'_>, String> {
        let embedder = self.vectors.embedder().as_ref();
        let texts: Vec<String> = tools.iter().map(|tool| format!("{}: {}", tool.name, tool.description)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = embedder.embed(&texts).map_err(|error| error.report())?;
        Ok(Alone { embedder, tools: vectors.into_iter().zip(tools.iter().map(|tool| tool.name.clone())).collect() })
    }

    /// Says how long a search takes among so many tools, apart from what the model takes for the query.
    pub(crate) fn scaled(&self, entries: &[Arc<ServerEntry>], queries: &[Query]) {
        let tools: usize = entries.iter().map(|entry| entry.tools.len()).sum();
        if tools > MOST {
            return;
        }
        let mut index = SearchIndex::new().with_vectors(Arc::clone(&self.vectors));
        entries.iter().for_each(|entry| index.put(Arc::clone(entry), None));
        let started = Instant::now();
        let texts = index.missing().len();
        if index.embed().is_err() {
            return;
        }
        eprintln!("{tools} tools: the vectors of {texts} texts took {:.1} s", started.elapsed().as_secs_f64());
        let (mut model, mut search) = (Vec::new(), Vec::new());
        for query in queries.iter().step_by((queries.len() / QUERIES).max(1)) {
            let started = Instant::now();
            let Some(query) = self.asked(SearchQuery::new(query.text.as_str())) else { return };
            model.push(started.elapsed().as_secs_f64() * 1e6);
            let started = Instant::now();
            std::hint::black_box(index.search(&query));
            search.push(started.elapsed().as_secs_f64() * 1e6);
        }
        for (what, mut micros) in [("the model", model), ("the search", search)] {
            micros.sort_by(f64::total_cmp);
            let [half, most] = [0.5, 0.99].map(|part| at(&micros, part));
            eprintln!("{tools} tools, of a query {what}: p50 {half:.0} µs, p99 {most:.0} µs");
        }
    }

    fn asked(&self, query: SearchQuery) -> Option<SearchQuery> {
        self.vectors.embed_query(query).inspect_err(|error| eprintln!("{}", error.report())).ok()
    }
}

impl Alone<'_> {
    pub(crate) fn search(&self, text: &str) -> Vec<String> {
        let Some(query) = self.embedder.embed(&[text]).ok().and_then(|mut vectors| vectors.pop()) else {
            return Vec::new();
        };
        let alike = |vector: &[f32]| vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
        let mut scored: Vec<_> = self.tools.iter().map(|(vector, name)| (alike(vector), name)).collect();
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored.into_iter().take(10).map(|(_, name)| name.clone()).collect()
    }
}
