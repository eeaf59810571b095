//! Categories to go on with, where nothing fits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::SearchIndex;
use crate::model::ServerEntry;

/// The most categories that are named.
const MAX: usize = 5;
/// How many of the servers that nearly fit are asked for theirs.
const NEAR: usize = 20;

pub(super) fn of(entry: &ServerEntry) -> Option<&str> {
    entry.metadata.as_ref()?.category.as_deref().filter(|category| !category.is_empty())
}

/// The categories of servers that nearly fit, given by place and score, then those with the most servers.
pub(super) fn near(index: &SearchIndex, nearly: impl Iterator<Item = (usize, f32)>) -> Vec<String> {
    let mut nearly: Vec<_> =
        nearly.filter_map(|(place, score)| Some((score, index.servers[place].as_ref()?))).collect();
    nearly.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.entry.name.cmp(&other.entry.name)));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for category in index.entries().filter_map(|entry| of(entry)) {
        *counts.entry(category).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (Reverse(*count), *name));
    let mut names: Vec<String> = Vec::new();
    let near = nearly.iter().take(NEAR).filter_map(|(_, server)| of(&server.entry));
    for name in near.chain(counts.into_iter().map(|(name, _)| name)) {
        if names.len() == MAX {
            break;
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
