//! What the texts of an index mean: a vector for each, and how near each is to a query.

use std::collections::HashMap;
use std::sync::Arc;

use super::inverted::DocId;
use super::set;
use crate::catalog::VectorCache;
use crate::catalog::embed::{Key, Vector, key};

/// The vectors of an index, in the places that its texts have.
#[derive(Debug)]
pub(super) struct Meanings {
    cache: Arc<VectorCache>,
    heads: Vec<Place>,
    tools: Vec<Place>,
    /// How many texts have no vector yet.
    waiting: usize,
}

/// Where the vector of a text is.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    Waiting(Key, Arc<str>),
    Known(Arc<Vector>),
}

/// How near each text is to a query; 0 for those that are too far away.
pub(super) struct Near {
    pub(super) heads: Vec<f32>,
    pub(super) tools: Vec<f32>,
    /// Whether one is so near that it is found by that alone.
    pub(super) is_enough: bool,
}

/// What is less near than this part of the model's threshold, or of the nearest, does not count.
const LEAST: f32 = 0.5;

impl Meanings {
    pub(super) fn new(cache: Arc<VectorCache>) -> Self {
        Self { cache, heads: Vec::new(), tools: Vec::new(), waiting: 0 }
    }

    pub(super) fn cache(&self) -> &Arc<VectorCache> {
        &self.cache
    }

    pub(super) fn put_head(&mut self, doc: DocId, text: &str) {
        let place = self.place(text);
        set(&mut self.heads, doc as usize, place);
    }

    pub(super) fn put_tool(&mut self, doc: DocId, text: &str) {
        let place = self.place(text);
        set(&mut self.tools, doc as usize, place);
    }

    pub(super) fn remove(&mut self, head: DocId, tools: &[DocId]) {
        let mut free = |place: Option<&mut Place>| {
            let before = place.map(std::mem::take).unwrap_or_default();
            self.waiting -= usize::from(matches!(before, Place::Waiting(..)));
        };
        free(self.heads.get_mut(head as usize));
        tools.iter().for_each(|doc| free(self.tools.get_mut(*doc as usize)));
    }

    pub(super) fn missing(&self) -> Vec<Arc<str>> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let waiting = self.heads.iter().chain(&self.tools).filter_map(|place| match place {
            Place::Waiting(key, text) => Some((*key, text)),
            Place::Empty | Place::Known(_) => None,
        });
        waiting.collect::<HashMap<_, _>>().into_values().cloned().collect()
    }

    pub(super) fn refresh(&mut self) {
        if self.waiting == 0 {
            return;
        }
        for place in self.heads.iter_mut().chain(&mut self.tools) {
            if let Place::Waiting(key, _) = place
                && let Some(vector) = self.cache.get(key)
            {
                *place = Place::Known(vector);
                self.waiting -= 1;
            }
        }
    }

    /// How near the texts are to what a query means: to all of it, or to one of its sentences.
    ///
    /// Nothing until every text has its vector: which servers are found must not hang on which came first.
    pub(super) fn near(&self, query: &[Vector]) -> Option<Near> {
        if self.waiting > 0 || query.is_empty() {
            return None;
        }
        let threshold = self.cache.embedder().threshold();
        let mut near =
            Near { heads: vec![0.0; self.heads.len()], tools: vec![0.0; self.tools.len()], is_enough: false };
        for part in query {
            let (heads, tools) = (alike(&self.heads, part), alike(&self.tools, part));
            let best = heads.iter().chain(&tools).copied().fold(0.0, f32::max);
            let least = LEAST * best.max(threshold);
            for (kept, own) in [(&mut near.heads, heads), (&mut near.tools, tools)] {
                let counted = own.into_iter().map(|own| if own >= least { own } else { 0.0 });
                kept.iter_mut().zip(counted).for_each(|(kept, own)| *kept = kept.max(own));
            }
            near.is_enough |= best >= threshold;
        }
        Some(near)
    }

    fn place(&mut self, text: &str) -> Place {
        let key = key(text);
        self.cache.get(&key).map_or_else(
            || {
                self.waiting += 1;
                Place::Waiting(key, Arc::from(text))
            },
            Place::Known,
        )
    }
}

fn alike(places: &[Place], part: &Vector) -> Vec<f32> {
    let alike = |place: &Place| match place {
        Place::Known(vector) => vector.alike(part),
        Place::Empty | Place::Waiting(..) => 0.0,
    };
    places.iter().map(alike).collect()
}
