//! What searching by meaning promises, with a model whose meanings are written down here.

use serde_json::json;

use super::*;
use crate::catalog::HashedEmbedder;
use crate::error::{Error, ErrorKind};
use crate::model::{Definition, Metadata, ToolEntry};

/// Texts of one line here mean the same: the first part of a word is enough.
const MEANINGS: [&[&str]; 4] = [
    &["weather", "umbrella", "forecast"],
    &["issue", "bug", "ticket"],
    &["pay", "invoice", "refund"],
    &["note", "memo"],
];

/// Knows four meanings, and nothing else.
#[derive(Debug)]
struct Meaning;

impl Embedder for Meaning {
    fn model(&self) -> &'static str {
        "meaning"
    }

    fn dimension(&self) -> usize {
        MEANINGS.len()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let one = |text: &&str| {
            let text = text.to_lowercase();
            let has = |words: &&[&str]| f32::from(u8::from(words.iter().any(|word| text.contains(word))));
            let figures: Vec<f32> = MEANINGS.iter().map(has).collect();
            let length = figures.iter().sum::<f32>().sqrt().max(1.0);
            figures.into_iter().map(|figure| figure / length).collect()
        };
        Ok(texts.iter().map(one).collect())
    }
}

fn entry(name: &str, category: &str, tools: &[(&str, &str)]) -> Arc<ServerEntry> {
    let mut entry = ServerEntry::image(ServerName::new(name).unwrap(), "x");
    entry.metadata = Some(Metadata { category: Some(category.to_owned()), ..Metadata::default() });
    let tool = |(name, text): &(&str, &str)| ToolEntry {
        name: (*name).to_owned(),
        description: Some((*text).to_owned()),
        ..ToolEntry::default()
    };
    entry.tools = tools.iter().map(tool).collect();
    Arc::new(entry)
}

fn entries() -> Vec<Arc<ServerEntry>> {
    vec![
        entry("sky", "data", &[("get_forecast", "Rain and sun of a city")]),
        entry("tracker", "work", &[("create_issue", "Opens one in a repository"), ("close_issue", "Closes one")]),
        entry("till", "work", &[("send_invoice", "Bills a customer")]),
        entry("umbrella-shop", "shops", &[("buy", "Orders an umbrella")]),
        entry("clock", "data", &[("now", "Tells the hour")]),
    ]
}

fn index() -> SearchIndex {
    let mut index = SearchIndex::with_embedder(Arc::new(Meaning));
    entries().into_iter().for_each(|entry| index.put(entry, None));
    index.embed().unwrap();
    index
}

fn found(index: &SearchIndex, query: SearchQuery) -> Vec<String> {
    let query = index.vectors().unwrap().embed_query(query).unwrap();
    index.search(&query).matches.into_iter().map(|found| found.entry.name.to_string()).collect()
}

fn names(query: &str) -> Vec<String> {
    found(&index(), SearchQuery::new(query))
}

#[test]
fn other_words_for_the_same_are_found() {
    assert_eq!(names("report a bug")[0], "tracker");
    assert_eq!(names("refund someone"), ["till"]);
    let mut words = SearchIndex::new();
    entries().into_iter().for_each(|entry| words.put(entry, None));
    assert!(words.search(&SearchQuery::new("refund someone")).matches.is_empty());
}

#[test]
fn each_sentence_finds_its_own() {
    let all = names("File a bug about it. Refund the customer. Then write down the hour.");
    assert!(["tracker", "till", "clock"].iter().all(|name| all.iter().any(|found| found == name)), "{all:?}");
}

#[test]
fn what_is_asked_for_by_name_is_first() {
    assert_eq!(names("umbrella-shop")[0], "umbrella-shop");
    assert_eq!(names("buy")[0], "umbrella-shop");
    // Everything else about weather is nearer to what this means than the shop is to its words.
    assert_eq!(names("with umbrella-shop, weather forecast of the weather")[0], "umbrella-shop");
    let index = index();
    let query = index.vectors().unwrap().embed_query(SearchQuery::new("bugs: call close_issue")).unwrap();
    let first = &index.search(&query).matches[0];
    assert_eq!(first.tools[0].name, "close_issue");
    assert!(first.tools[0].score > first.tools[1].score);
}

#[test]
fn nothing_is_found_of_nonsense() {
    for query in ["", "qzxv wvxq", "please do it for me", "0 1 2", "...", "天"] {
        assert!(names(query).is_empty(), "{query}: {:?}", names(query));
    }
    let mut index = SearchIndex::with_embedder(Arc::new(HashedEmbedder::new()));
    entries().into_iter().for_each(|entry| index.put(entry, None));
    index.embed().unwrap();
    assert!(found(&index, SearchQuery::new("qzxv wvxq")).is_empty());
    assert_eq!(found(&index, SearchQuery::new("send invoices"))[0], "till");
}

#[test]
fn filters_and_limits_hold_for_meaning_too() {
    let of = |query: SearchQuery| found(&index(), query);
    assert!(of(SearchQuery::new("report a bug").with_category("data")).is_empty());
    assert_eq!(of(SearchQuery::new("report a bug").with_category("Work")), ["tracker"]);
    assert!(of(SearchQuery::new("report a bug").with_source("nobody")).is_empty());
    assert!(of(SearchQuery::new("report a bug").with_limit(0)).is_empty());
    assert_eq!(of(SearchQuery::new("bug refund").with_limit(1)).len(), 1);
}

#[test]
fn the_way_there_makes_no_difference() {
    let straight = index();
    let mut winding = SearchIndex::with_embedder(Arc::new(Meaning));
    for entry in entries().into_iter().rev() {
        let mut other = entry.as_ref().clone();
        other.tools.clear();
        winding.put(Arc::new(other), None);
        winding.embed().unwrap();
        winding.put(entry, None);
    }
    winding.put(entry("gone", "work", &[("bug", "bug")]), None);
    winding.remove(&ServerName::new("gone").unwrap());
    winding.embed().unwrap();
    for query in ["bug", "weather", "issue refund memo", "umbrella", "invoice. ticket. hour."] {
        assert_eq!(found(&straight, SearchQuery::new(query)), found(&winding, SearchQuery::new(query)), "{query}");
    }
}

#[test]
fn words_alone_count_until_every_vector_is_there() {
    let mut index = index();
    let before = found(&index, SearchQuery::new("refund someone"));
    index.put(entry("new", "work", &[("memo", "Keeps a memo")]), None);
    assert_eq!(index.missing().len(), 2);
    assert!(found(&index, SearchQuery::new("refund someone")).is_empty());
    assert_eq!(found(&index, SearchQuery::new("memo")), ["new"]);
    let texts = index.missing();
    index.vectors().unwrap().learn(&texts).unwrap();
    assert_eq!(index.missing().len(), 2, "until they are taken in");
    index.refresh();
    assert!(index.missing().is_empty());
    assert_eq!(found(&index, SearchQuery::new("refund someone")), before);
    let mut surface = Surface::default();
    surface.tools.push(Definition::new("settle", json!({"name": "settle", "description": "Pays"}).to_string()));
    index.put(entry("new", "work", &[]), Some(&surface));
    assert_eq!(index.missing().len(), 1, "what says the same is known");
    index.remove(&ServerName::new("new").unwrap());
    assert!(index.missing().is_empty());
}

#[test]
fn a_query_without_its_meaning_is_searched_by_words() {
    let index = index();
    assert!(index.search(&SearchQuery::new("refund someone")).matches.is_empty());
    let other = VectorCache::new(Arc::new(HashedEmbedder::new()));
    let query = other.embed_query(SearchQuery::new("refund someone")).unwrap();
    assert!(index.search(&query).matches.is_empty(), "what another model says means nothing here");
}

/// A model that does not work.
#[derive(Debug)]
struct Broken;

impl Embedder for Broken {
    fn model(&self) -> &'static str {
        "broken"
    }

    fn dimension(&self) -> usize {
        2
    }

    fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>> {
        Err(Error::new(ErrorKind::Io, "it is gone"))
    }
}

#[test]
fn a_model_that_fails_leaves_the_words() {
    let mut index = SearchIndex::with_embedder(Arc::new(Broken));
    entries().into_iter().for_each(|entry| index.put(entry, None));
    assert_eq!(index.embed().unwrap_err().kind(), ErrorKind::Io);
    let found = index.search(&SearchQuery::new("create issue")).matches;
    assert_eq!(found[0].entry.name.as_str(), "tracker");
}
