//! Finding servers by words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Match, ToolMatch};
use crate::model::ServerEntry;

/// How much a word counts by where it stands.
const NAME: f64 = 4.0;
const TITLE: f64 = 3.0;
const TAG: f64 = 2.0;
const TOOL: f64 = 2.0;
const DESCRIPTION: f64 = 1.0;
const TOOL_DESCRIPTION: f64 = 0.5;

/// How soon repetitions stop counting, and how much long entries are held back, as usual for BM25.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.5;

/// The most tools that a match names.
const MAX_TOOLS: usize = 10;

/// Finds the entries that fit a query best.
///
/// # Behavior
/// - Ranks by BM25 over name, title, tags, tools and descriptions; entries without any word of the query are left out.
/// - The same input gives the same answer: what scores alike stays in the order of `entries`.
pub(super) fn search(entries: &[Arc<ServerEntry>], query: &str, limit: usize) -> Vec<Match> {
    let wanted: BTreeSet<String> = words(query).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let bags: Vec<_> = entries.iter().map(|entry| bag(entry)).collect();
    let lengths: Vec<f64> = bags.iter().map(|bag| bag.values().sum()).collect();
    let mean = (lengths.iter().sum::<f64>() / entries.len().max(1) as f64).max(1.0);
    let rarity: BTreeMap<&str, f64> = wanted
        .iter()
        .map(|word| {
            let holders = bags.iter().filter(|bag| bag.contains_key(word)).count() as f64;
            (word.as_str(), (1.0 + (entries.len() as f64 - holders + 0.5) / (holders + 0.5)).ln())
        })
        .collect();

    let mut matches = Vec::new();
    for ((entry, bag), length) in entries.iter().zip(&bags).zip(&lengths) {
        let dampening = SATURATION * (1.0 - LENGTH + LENGTH * length / mean);
        let weigh = |(word, rarity): (&&str, &f64)| {
            bag.get(*word).map_or(0.0, |weight| rarity * weight * (SATURATION + 1.0) / (weight + dampening))
        };
        let score: f64 = rarity.iter().map(weigh).sum();
        if score > 0.0 {
            matches.push(Match { entry: Arc::clone(entry), score, tools: tools(entry, &rarity) });
        }
    }
    matches.sort_by(|a, b| b.score.total_cmp(&a.score));
    matches.truncate(limit);
    matches
}

/// The words of an entry, each with how much it counts there.
fn bag(entry: &ServerEntry) -> BTreeMap<String, f64> {
    let mut bag = BTreeMap::new();
    let mut add = |text: &str, weight: f64| {
        for word in words(text) {
            *bag.entry(word).or_insert(0.0) += weight;
        }
    };
    add(entry.name.as_str(), NAME);
    add(entry.title.as_deref().unwrap_or_default(), TITLE);
    add(entry.description.as_deref().unwrap_or_default(), DESCRIPTION);
    if let Some(metadata) = &entry.metadata {
        add(metadata.category.as_deref().unwrap_or_default(), TAG);
        metadata.tags.iter().for_each(|tag| add(tag, TAG));
    }
    for tool in &entry.tools {
        add(&tool.name, TOOL);
        add(tool.description.as_deref().unwrap_or_default(), TOOL_DESCRIPTION);
    }
    bag
}

fn tools(entry: &ServerEntry, rarity: &BTreeMap<&str, f64>) -> Vec<ToolMatch> {
    let mut scored: Vec<ToolMatch> = Vec::new();
    for tool in &entry.tools {
        let text = format!("{} {}", tool.name, tool.description.as_deref().unwrap_or_default());
        let own: BTreeSet<String> = words(&text).collect();
        let score: f64 = own.iter().filter_map(|word| rarity.get(word.as_str())).sum();
        if score > 0.0 {
            scored.push(ToolMatch { name: tool.name.clone(), score, description: tool.description.clone() });
        }
    }
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    scored.truncate(MAX_TOOLS);
    scored
}

/// Lower-case words of a text; `createIssue` and `create_issues` are both `create` and `issue`.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut lower_before = false;
    for c in text.chars() {
        if c.is_uppercase() && lower_before {
            spaced.push(' ');
        }
        lower_before = c.is_lowercase() || c.is_ascii_digit();
        spaced.extend(if c.is_alphanumeric() { c } else { ' ' }.to_lowercase());
    }
    spaced.split_whitespace().map(singular).collect::<Vec<_>>().into_iter()
}

fn singular(word: &str) -> String {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServerName, ToolEntry};

    fn entry(name: &str, description: &str, tools: &[&str]) -> Arc<ServerEntry> {
        let mut entry = ServerEntry::image(ServerName::new(name).unwrap(), "x");
        entry.description = Some(description.to_owned());
        entry.tools = tools.iter().map(|name| ToolEntry { name: (*name).to_owned(), ..ToolEntry::default() }).collect();
        Arc::new(entry)
    }

    #[test]
    fn finds_by_name_tool_and_description() {
        let entries = [
            entry("github", "Repositories, issues and pull requests", &["createIssue", "list_pull_requests"]),
            entry("notes", "Notes about issues", &["add_note"]),
            entry("time", "Time zones", &["get_current_time"]),
        ];
        let found = search(&entries, "Create an issue", 10);
        assert_eq!(found[0].entry.name.as_str(), "github");
        assert_eq!(found[0].tools[0].name, "createIssue");
        assert_eq!(found.len(), 2);
        assert_eq!(search(&entries, "TIME", 1)[0].entry.name.as_str(), "time");
        assert!(search(&entries, "weather", 10).is_empty());
        assert!(search(&entries, " ,. ", 10).is_empty());
        assert!(search(&[], "x", 10).is_empty());
    }
}
