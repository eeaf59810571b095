//! What searching promises.

use serde_json::json;

use super::*;
use crate::model::{Definition, Metadata, ToolEntry};

fn entry(name: &str, description: &str, tools: &[(&str, &str)]) -> ServerEntry {
    let mut entry = ServerEntry::image(ServerName::new(name).unwrap(), "x");
    entry.description = Some(description.to_owned());
    let tool = |(name, text): &(&str, &str)| {
        let description = Some((*text).to_owned()).filter(|text| !text.is_empty());
        ToolEntry { name: (*name).to_owned(), description, ..ToolEntry::default() }
    };
    entry.tools = tools.iter().map(tool).collect();
    entry
}

fn of(category: &str, mut entry: ServerEntry) -> ServerEntry {
    entry.metadata = Some(Metadata { category: Some(category.to_owned()), ..Metadata::default() });
    entry
}

fn entries() -> Vec<ServerEntry> {
    vec![
        of(
            "devops",
            entry(
                "github",
                "Repositories of GitHub",
                &[
                    ("createIssue", "Opens an issue in a repository"),
                    ("list_pull_requests", ""),
                    ("merge-pull-request", ""),
                ],
            ),
        ),
        of("devops", entry("cluster", "Manages Kubernetes", &[("get_pods", "Lists pods of a namespace")])),
        of("productivity", entry("notes", "Notes and memos", &[("add_note", "Writes a note")])),
        of("productivity", entry("clock", "Dates and zones", &[("now", "Current time in a time zone")])),
        of("wetter", entry("wetter", "Wettervorhersage für Städte in Österreich", &[("vorhersage", "")])),
        of("天气", entry("tianqi", "查询城市的天气预报", &[("forecast", "返回天气预报")])),
    ]
}

fn index() -> SearchIndex {
    let mut index = SearchIndex::new();
    entries().into_iter().for_each(|entry| index.put(Arc::new(entry), None));
    index
}

fn first(query: &str) -> String {
    let found = index().search(&SearchQuery::new(query)).matches;
    found.first().map_or_else(String::new, |found| found.entry.name.to_string())
}

/// Everything that a search gives, as text.
fn all(index: &SearchIndex, query: &str) -> String {
    let found = index.search(&SearchQuery::new(query)).matches;
    let shown = found.iter().map(|found| format!("{} {} {:?}\n", found.entry.name, found.score, found.tools));
    shown.collect()
}

#[test]
fn words_are_found_in_whatever_form() {
    for query in ["Create an issue", "issues", "create-issue", "CREATEISSUE", "opened tickets in my repo"] {
        assert_eq!(first(query), "github", "{query}");
    }
    let found = index().search(&SearchQuery::new("file an issue")).matches;
    assert_eq!(found[0].tools[0].name, "createIssue");
    assert_eq!(found[0].tools[0].description.as_deref(), Some("Opens an issue in a repository"));
    assert_eq!(first("open a PR"), "github", "a short form of two words");
    assert_eq!(first("k8s"), "cluster", "another name");
    assert_eq!(first("timezone"), "clock", "two words as one");
    assert_eq!(first("repositry"), "github", "misspelt");
    assert_eq!(first("kubernets pods please"), "cluster");
}

#[test]
fn other_languages_are_found() {
    assert_eq!(first("Wettervorhersage"), "wetter");
    assert_eq!(first("stadte osterreich"), "wetter", "without accents");
    assert_eq!(first("天气"), "tianqi");
    assert_eq!(first("明天的天气预报怎么样？"), "tianqi");
}

#[test]
fn nothing_is_found_of_nonsense_and_the_next_step_is_named() {
    for query in ["", " ,. ", "qzxv wvxq", "please do it for me", "0 1 2", "\u{0}\u{301}"] {
        let found = index().search(&SearchQuery::new(query));
        assert!(found.matches.is_empty(), "{query}: {:?}", found.matches);
        assert_eq!(found.categories[..2], ["devops", "productivity"], "{query}");
    }
    let found = index().search(&SearchQuery::new("issue").with_category("nothing"));
    assert!(found.matches.is_empty());
    assert_eq!(found.categories[0], "devops", "where it would have been found");
    assert!(SearchIndex::new().search(&SearchQuery::new("x")).categories.is_empty());
    assert!(index().search(&SearchQuery::new("issue").with_limit(0)).matches.is_empty());
}

#[test]
fn a_server_is_found_by_a_name_that_says_nothing() {
    let mut index = index();
    index.put(Arc::new(entry("do", "", &[])), None);
    let found = index.search(&SearchQuery::new("do")).matches;
    assert_eq!(found[0].entry.name.as_str(), "do");
}

#[test]
fn filters_leave_out_what_is_not_asked_for() {
    let names = |query: SearchQuery| {
        index().search(&query).matches.into_iter().map(|found| found.entry.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(SearchQuery::new("list notes").with_category("Productivity")), ["notes"]);
    assert!(names(SearchQuery::new("list notes").with_source("nobody")).is_empty());
    let mut index = index();
    let mut own = entries().remove(2);
    own.source = Some("Own".to_owned());
    index.put(Arc::new(own), None);
    let found = index.search(&SearchQuery::new("list notes").with_source("own")).matches;
    assert_eq!(found.iter().map(|found| found.entry.name.as_str()).collect::<Vec<_>>(), ["notes"]);
}

#[test]
fn the_way_there_makes_no_difference() {
    let straight = index();
    let mut winding = SearchIndex::new();
    for entry in entries().into_iter().rev() {
        winding.put(Arc::new(entry.clone()), None);
        let mut other = entry.clone();
        other.tools.truncate(1);
        other.description = Some("something else, an issue of notes".to_owned());
        winding.put(Arc::new(other), None);
        winding.put(Arc::new(entry), None);
    }
    winding.put(Arc::new(entry("gone", "issues of every repository", &[("issue", "issue")])), None);
    winding.remove(&ServerName::new("gone").unwrap());
    winding.remove(&ServerName::new("gone").unwrap());
    assert_eq!(winding.len(), straight.len());
    for query in ["issue", "notes and time", "list pull requests of a repository", "天气"] {
        assert_eq!(all(&straight, query), all(&winding, query), "{query}");
    }
}

#[test]
fn what_scores_alike_is_in_the_order_of_names() {
    let mut index = SearchIndex::new();
    for name in ["b", "c", "a"] {
        index.put(Arc::new(entry(name, "", &[("list_things", "Lists widgets")])), None);
    }
    let found = index.search(&SearchQuery::new("widgets").with_limit(2)).matches;
    assert_eq!(found.iter().map(|found| found.entry.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_a_server_was_seen_to_offer_counts_in_place_of_its_entry() {
    let mut index = index();
    let github = Arc::new(entries().remove(0));
    let mut surface = Surface::default();
    let schema = json!({"name": "x", "description": "Stars it", "inputSchema": {"properties": {"constellation": {}}}});
    surface.tools.push(Definition::new("star_repo", schema.to_string()));
    surface.tools.push(Definition::new("broken", "no json"));
    index.put(Arc::clone(&github), Some(&surface));
    let tools = |index: &SearchIndex, query: &str| {
        index.search(&SearchQuery::new(query)).matches.first().map(|found| found.tools.clone()).unwrap_or_default()
    };
    assert_eq!(tools(&index, "constellation")[0].name, "star_repo");
    assert!(tools(&index, "createIssue").iter().all(|tool| tool.name != "createIssue"));
    assert_eq!(tools(&index, "broken")[0].name, "broken");
    index.put(github, None);
    assert_eq!(tools(&index, "createIssue")[0].name, "createIssue");
}

#[test]
fn texts_of_any_size_are_taken() {
    let mut index = SearchIndex::new();
    let long = "ü".repeat(1_000_000);
    let mut tools = vec![("t", "widget"); 6_000];
    tools.push(("last", "beyond"));
    index.put(Arc::new(entry("big", &long, &tools)), None);
    assert_eq!(index.search(&SearchQuery::new("widget")).matches[0].tools.len(), 10);
    assert!(index.search(&SearchQuery::new("beyond")).matches.is_empty());
    let query = format!("widget {}", "wort zahl 12 'quoted ".repeat(100_000));
    assert_eq!(index.search(&SearchQuery::new(query)).matches.len(), 1);
    assert!(index.search(&SearchQuery::new(format!("{long} widget"))).matches.is_empty());
}
