//! How time and memory grow with the catalog.

use std::sync::Arc;
use std::time::Instant;

use mcp_gateway_core::catalog::{SearchIndex, SearchQuery};

use crate::corpus::{self, Query, Tool};
use crate::figures::at;
use crate::meaning::Model;
use crate::through::through;

pub(crate) const HEAD: &str = "| tools | servers | build s | index MB | p50 µs | p99 µs | one server again µs | start ms \
    | first mcp-find s | mcp-find p50 µs | mcp-find p99 µs |\n|---|---|---|---|---|---|---|---|---|---|---|";

/// How many tools a server has.
const PER_SERVER: usize = 10;
/// How many queries are timed.
const QUERIES: usize = 500;

/// Builds an index of so many tools, made of those that there are, and searches it.
pub(crate) fn row(tools: &[Tool], queries: &[Query], size: usize, model: Option<&Model>) -> Result<String, String> {
    let made: Vec<Tool> = (0..size).map(|number| varied(tools, number)).collect();
    let entries = corpus::entries(&made.iter().collect::<Vec<_>>());
    let before = resident();
    let started = Instant::now();
    let mut index = SearchIndex::new();
    entries.iter().for_each(|entry| index.put(Arc::clone(entry), None));
    let build = started.elapsed().as_secs_f64();
    let memory = resident() - before;
    drop(made);
    let step = (queries.len() / QUERIES).max(1);
    let timed: Vec<&str> = queries.iter().step_by(step).map(|query| query.text.as_str()).collect();
    let mut micros: Vec<f64> = timed
        .iter()
        .map(|text| {
            let query = SearchQuery::new(*text);
            let started = Instant::now();
            std::hint::black_box(index.search(&query));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    let changed = entries.first().map(|entry| {
        let mut changed = entry.as_ref().clone();
        changed.description = Some("another one".to_owned());
        Arc::new(changed)
    });
    let started = Instant::now();
    changed.into_iter().for_each(|entry| index.put(entry, None));
    let again = started.elapsed().as_secs_f64() * 1e6;
    let [half, most] = [0.5, 0.99].map(|part| at(&micros, part));
    if let Some(model) = model {
        model.scaled(&entries, queries);
    }
    drop(index);
    let found = through(&entries, &timed)?;
    Ok(format!(
        "| {size} | {} | {build:.1} | {memory:.0} | {half:.0} | {most:.0} | {again:.0} | {:.0} | {:.1} | {:.0} | {:.0} |",
        entries.len(),
        found.start,
        found.first,
        found.half,
        found.most
    ))
}

/// A tool of the data under another name, with a word more that some others have too.
fn varied(tools: &[Tool], number: usize) -> Tool {
    let mut tool = tools[number % tools.len()].clone();
    let round = number / tools.len();
    if round > 0 {
        let other = &tools[(number * 7 + round) % tools.len()];
        tool.name = format!("{}_{}", tool.name, other.name);
        tool.description = format!("{} ({}, edition {round})", tool.description, other.server);
    }
    tool.server = format!("server-{}", number / PER_SERVER);
    tool
}

/// Resident memory of this process, in MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
