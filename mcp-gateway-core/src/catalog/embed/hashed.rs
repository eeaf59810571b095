//! Vectors without a model: how texts are written, not what they mean.

use super::Embedder;
use crate::error::Result;

const DIMENSION: usize = 256;
/// How many characters stand together.
const TOGETHER: usize = 3;

/// Counts groups of three characters; for tests and examples, because it finds no more than words do.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct HashedEmbedder;

impl HashedEmbedder {
    /// One is like the other.
    pub fn new() -> Self {
        Self
    }
}

impl Embedder for HashedEmbedder {
    fn model(&self) -> &'static str {
        "hashed-trigrams-1"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut figures = vec![0.0_f32; DIMENSION];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let marked: Vec<char> = format!("<{word}>").chars().collect();
        marked.windows(TOGETHER).for_each(|group| figures[place(group)] += 1.0);
    }
    let length = figures.iter().map(|figure| figure * figure).sum::<f32>().sqrt();
    if length > 0.0 {
        figures.iter_mut().for_each(|figure| *figure /= length);
    }
    figures
}

/// Where a group is counted: FNV-1a, which is the same everywhere.
fn place(group: &[char]) -> usize {
    let hash = group
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, c| (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 16) ^ (hash >> 40)) as usize % DIMENSION
}
