//! What is to be beaten: BM25 as it stands in the books, over name, description and names of parameters.

use std::collections::{BTreeSet, HashMap};

use crate::corpus::Tool;

const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;

pub(crate) struct Index {
    names: Vec<String>,
    lengths: Vec<f64>,
    mean: f64,
    postings: HashMap<String, Vec<(usize, f64)>>,
}

impl Index {
    pub(crate) fn new(tools: &[&Tool]) -> Self {
        let mut postings: HashMap<String, Vec<(usize, f64)>> = HashMap::new();
        let mut lengths = Vec::new();
        for (place, tool) in tools.iter().enumerate() {
            let parameters = tool.parameters.keys().cloned().collect::<Vec<_>>().join(" ");
            let words = words(&format!("{} {} {parameters}", tool.name, tool.description));
            lengths.push(words.len() as f64);
            let mut counts: HashMap<String, f64> = HashMap::new();
            words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1.0);
            counts.into_iter().for_each(|(word, count)| postings.entry(word).or_default().push((place, count)));
        }
        let mean = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
        Self { names: tools.iter().map(|tool| tool.name.clone()).collect(), lengths, mean, postings }
    }

    pub(crate) fn search(&self, text: &str) -> Vec<String> {
        let mut scores = vec![0.0; self.names.len()];
        let wanted: BTreeSet<String> = words(text).into_iter().collect();
        for held in wanted.iter().filter_map(|word| self.postings.get(word)) {
            let holders = held.len() as f64;
            let rarity = (1.0 + (self.names.len() as f64 - holders + 0.5) / (holders + 0.5)).ln();
            for (place, count) in held {
                let length = 1.0 - LENGTH + LENGTH * self.lengths[*place] / self.mean;
                scores[*place] += rarity * count * (SATURATION + 1.0) / (count + SATURATION * length);
            }
        }
        let mut best: Vec<usize> = (0..scores.len()).filter(|place| scores[*place] > 0.0).collect();
        best.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        best.into_iter().take(10).map(|place| self.names[place].clone()).collect()
    }
}

/// Lower-case words; `createIssue` is two.
fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut is_after_lower = false;
    for c in text.chars() {
        if is_after_lower && c.is_uppercase() {
            spaced.push(' ');
        }
        is_after_lower = c.is_lowercase();
        spaced.extend(if c.is_alphanumeric() { c } else { ' ' }.to_lowercase());
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}
