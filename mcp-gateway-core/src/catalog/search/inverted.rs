//! Which texts have which words: an inverted index whose entries come and go.

use std::collections::{HashMap, HashSet};

use super::analysis::words;
use super::weights::{Field, SATURATION};

pub(super) type TermId = u32;
pub(super) type DocId = u32;

/// Between words that do not stand side by side.
const GAP: TermId = TermId::MAX;

/// What is searched: terms, and for each the texts that have it.
#[derive(Debug, Default)]
pub(super) struct Inverted {
    ids: HashMap<Box<str>, TermId>,
    postings: Vec<Vec<Posting>>,
    docs: Vec<Doc>,
    free: Vec<DocId>,
    live: usize,
}

/// That a text has a word.
#[derive(Clone, Copy, Debug)]
struct Posting {
    doc: DocId,
    /// How much, as BM25 has it: between 0 and what one word can count at most.
    weight: f32,
}

#[derive(Debug, Default)]
struct Doc {
    /// Its words in order, as far as the order means something, then every other word once.
    terms: Box<[TermId]>,
}

impl Inverted {
    /// Takes a text in, of parts that count differently.
    pub(super) fn add(&mut self, fields: &[(Field, &str)]) -> DocId {
        let mut counts: HashMap<TermId, f32> = HashMap::new();
        let mut order = Vec::new();
        for (field, text) in fields {
            let words = words(text);
            let length = 1.0 - field.slope + field.slope * (words.len() as f32 / field.usual);
            for word in words {
                let term = self.term(word.stem);
                *counts.entry(term).or_default() += field.weight / length.max(0.5);
                if field.is_text {
                    order.push(term);
                }
            }
            if field.is_text {
                order.push(GAP);
            }
        }
        let mut ordered: HashSet<TermId> = order.iter().copied().collect();
        order.extend(counts.keys().copied().filter(|term| ordered.insert(*term)));
        let doc = self.free.pop().unwrap_or(self.docs.len() as DocId);
        for (term, count) in counts {
            let weight = count * (SATURATION + 1.0) / (count + SATURATION);
            self.postings[term as usize].push(Posting { doc, weight });
        }
        let kept = Doc { terms: order.into_boxed_slice() };
        match self.docs.get_mut(doc as usize) {
            Some(place) => *place = kept,
            None => self.docs.push(kept),
        }
        self.live += 1;
        doc
    }

    /// Forgets texts.
    pub(super) fn remove(&mut self, docs: &[DocId]) {
        let gone: HashSet<DocId> = docs.iter().copied().collect();
        let terms: HashSet<TermId> =
            docs.iter().flat_map(|doc| std::mem::take(&mut self.docs[*doc as usize].terms)).collect();
        for term in terms.into_iter().filter(|term| *term != GAP) {
            self.postings[term as usize].retain(|posting| !gone.contains(&posting.doc));
        }
        self.live -= gone.len();
        self.free.extend(gone);
    }

    /// Room for a figure about each text.
    pub(super) fn room(&self) -> usize {
        self.docs.len()
    }

    /// A word that some text has.
    pub(super) fn known(&self, stem: &str) -> Option<TermId> {
        self.ids.get(stem).copied().filter(|term| !self.postings[*term as usize].is_empty())
    }

    /// Every word that some text has.
    pub(super) fn known_words(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().filter(|(_, term)| !self.postings[**term as usize].is_empty()).map(|(word, _)| &**word)
    }

    /// How rare a word is.
    pub(super) fn rarity(&self, term: TermId) -> f32 {
        let (all, holders) = (self.live as f32, self.postings[term as usize].len() as f32);
        (1.0 + (all - holders + 0.5) / (holders + 0.5)).ln()
    }

    /// Hands over each text that has a word, and how much it has of it.
    pub(super) fn each(&self, term: TermId, mut hand: impl FnMut(DocId, f32)) {
        self.postings[term as usize].iter().for_each(|posting| hand(posting.doc, posting.weight));
    }

    /// How many of these pairs stand side by side in a text.
    pub(super) fn pairs(&self, doc: DocId, wanted: &[(TermId, TermId, f32)]) -> f32 {
        let terms = &self.docs[doc as usize].terms;
        let stands = |first, second| terms.windows(2).any(|pair| pair == [first, second]);
        wanted.iter().filter(|(first, second, _)| stands(*first, *second)).map(|(.., weight)| weight).sum()
    }

    fn term(&mut self, stem: String) -> TermId {
        if let Some(term) = self.ids.get(stem.as_str()) {
            return *term;
        }
        let term = self.postings.len() as TermId;
        self.ids.insert(stem.into_boxed_str(), term);
        self.postings.push(Vec::new());
        term
    }
}
