//! What is measured of a query set.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::json;

use crate::corpus::{Query, Tool};

/// How many tools an answer is taken to give, where its size is counted.
const ANSWER: usize = 5;

#[derive(Default)]
pub(crate) struct Figures {
    queries: usize,
    /// Sums over the queries.
    recall: [f64; 3],
    reciprocal: f64,
    tokens: f64,
    micros: Vec<f64>,
}

impl Figures {
    pub(crate) const HEAD: &str = "| set | queries | ranking | recall@1 | recall@5 | recall@10 | MRR | tokens | p50 µs | p99 µs |\n\
        |---|---|---|---|---|---|---|---|---|---|";
    const AT: [usize; 3] = [1, 5, 10];

    /// Asks each query.
    pub(crate) fn of(queries: &[&Query], tools: &[&Tool], search: impl Fn(&str) -> Vec<String>) -> Self {
        let by_name: HashMap<&str, &Tool> = tools.iter().map(|tool| (tool.name.as_str(), *tool)).collect();
        let mut figures = Self { queries: queries.len(), ..Self::default() };
        for query in queries {
            let started = Instant::now();
            let mut found = search(&query.text);
            figures.micros.push(started.elapsed().as_secs_f64() * 1e6);
            let mut seen = HashSet::new();
            found.retain(|name| seen.insert(name.clone()));
            let is_expected = |name: &String| query.expected.contains(name);
            for (sum, at) in figures.recall.iter_mut().zip(Self::AT) {
                let hits = found.iter().take(at).filter(|name| is_expected(name)).count();
                *sum += hits as f64 / query.expected.len().max(1) as f64;
            }
            figures.reciprocal += found.iter().position(is_expected).map_or(0.0, |place| 1.0 / (place as f64 + 1.0));
            let shown: Vec<_> = found.iter().take(ANSWER).filter_map(|name| by_name.get(name.as_str())).collect();
            let answer = json!(
                shown
                    .iter()
                    .map(|tool| json!({"server": tool.server, "tool": tool.name, "description": tool.description}))
                    .collect::<Vec<_>>()
            );
            figures.tokens += answer.to_string().len() as f64 / 4.0;
        }
        figures.micros.sort_by(f64::total_cmp);
        figures
    }

    pub(crate) fn row(&self, set: &str, ranking: &str) -> String {
        let all = self.queries.max(1) as f64;
        let recall = self.recall.map(|sum| format!("{:.3}", sum / all)).join(" | ");
        let (mrr, tokens) = (self.reciprocal / all, self.tokens / all);
        let [half, most] = [0.5, 0.99].map(|part| at(&self.micros, part));
        format!("| {set} | {} | {ranking} | {recall} | {mrr:.3} | {tokens:.0} | {half:.0} | {most:.0} |", self.queries)
    }
}

/// The value that this part of the sorted values do not exceed.
pub(crate) fn at(sorted: &[f64], part: f64) -> f64 {
    sorted.get(((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
