//! How well each text fits what is looked for.

use std::collections::HashMap;

use super::inverted::{DocId, Inverted, TermId};
use super::plan::{Concept, Plan, Way};

pub(super) struct Scored {
    pub(super) scores: Vec<f32>,
    pub(super) pairs: Vec<(TermId, TermId, f32)>,
}

/// How much the best sentence of a query counts beside all of it.
pub(super) const BEST_PART: f32 = 1.0;
pub(super) const ALL: f32 = 0.3;

/// What each text of an index scores.
pub(super) fn score(index: &Inverted, plan: &Plan) -> Scored {
    let mut board = Board::new(index.room());
    let mut scored = Scored { scores: vec![0.0; index.room()], pairs: Vec::new() };
    let mut best = vec![0.0_f32; if plan.parts > 1 { index.room() } else { 0 }];
    for part in 0..plan.parts {
        let mut before = None;
        for concept in plan.concepts.iter().filter(|concept| concept.part == part) {
            board.add(index, concept);
            let own = concept.ways.first().and_then(|way| way.stems.first()).and_then(|stem| index.known(stem));
            if let (Some(before), Some(own), true) = (before, own, concept.follows) {
                let weight = concept.weight * index.rarity(before).min(index.rarity(own));
                scored.pairs.push((before, own, weight));
            }
            before = own;
        }
        if plan.parts == 1 {
            scored.scores = std::mem::take(&mut board.scores);
        } else {
            let norm = 1.0;
            for (doc, score) in board.scores.iter_mut().enumerate() {
                if *score > 0.0 {
                    scored.scores[doc] += *score * ALL;
                    best[doc] = best[doc].max(*score * norm);
                    *score = 0.0;
                }
            }
        }
    }
    for (score, best) in scored.scores.iter_mut().zip(best) {
        *score += best * BEST_PART;
    }
    scored
}

/// Adds up what texts score; of several words for one thing, the one counts that fits a text best.
struct Board {
    scores: Vec<f32>,
    concept: u32,
    of: Vec<(u32, f32)>,
}

impl Board {
    fn new(room: usize) -> Self {
        Self { scores: vec![0.0; room], concept: 0, of: vec![(0, 0.0); room] }
    }

    fn add(&mut self, index: &Inverted, concept: &Concept) {
        let ways: Vec<(Vec<TermId>, f32)> = concept
            .ways
            .iter()
            .filter_map(|Way { stems, weight }| {
                let terms = stems.iter().map(|stem| index.known(stem)).collect::<Option<Vec<_>>>()?;
                Some((terms, weight * concept.weight))
            })
            .collect();
        if let [(terms, weight)] = ways.as_slice()
            && let [term] = terms.as_slice()
        {
            let weight = weight * index.rarity(*term);
            index.each(*term, |doc, has| self.scores[doc as usize] += weight * has);
            return;
        }
        self.concept += 1;
        for (terms, weight) in ways {
            match terms.as_slice() {
                [term] => {
                    let weight = weight * index.rarity(*term);
                    index.each(*term, |doc, has| self.best(doc, weight * has));
                }
                _ => {
                    let rarity = terms.iter().map(|term| index.rarity(*term)).fold(0.0, f32::max);
                    for (doc, has) in all(index, &terms) {
                        self.best(doc, weight * rarity * has);
                    }
                }
            }
        }
    }

    fn best(&mut self, doc: DocId, score: f32) {
        let (concept, best) = &mut self.of[doc as usize];
        let before = if *concept == self.concept { *best } else { 0.0 };
        if score > before {
            (*concept, *best) = (self.concept, score);
            self.scores[doc as usize] += score - before;
        }
    }
}

/// The texts that have all of some words, with what they have least of.
fn all(index: &Inverted, terms: &[TermId]) -> HashMap<DocId, f32> {
    let mut found: Option<HashMap<DocId, f32>> = None;
    for term in terms {
        let mut next = HashMap::new();
        index.each(*term, |doc, has| match &found {
            None => drop(next.insert(doc, has)),
            Some(before) => {
                if let Some(other) = before.get(&doc) {
                    next.insert(doc, has.min(*other));
                }
            }
        });
        found = Some(next);
    }
    found.unwrap_or_default()
}
