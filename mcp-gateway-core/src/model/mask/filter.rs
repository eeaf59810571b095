//! Whether any of many texts stands in another, mostly without looking at it: after Wu and Manber.

use std::collections::HashMap;

/// How many neighbouring bytes are looked at together.
const BLOCK: usize = 3;
/// How much of each needle counts; a longer window would skip hardly more.
const LONGEST_WINDOW: usize = 64;
/// As many as there are hashes; the table has to stay in the processor's nearest memory.
const HASHES: usize = 1 << 15;

/// Finds out at once about most texts that none of the needles is in them.
#[derive(Debug)]
pub(super) struct Filter {
    /// How many first bytes of each needle count: as many as the shortest has.
    window: usize,
    /// By the hash of the block that ends a window: how far the window can move on without missing a needle.
    skips: Vec<u8>,
    /// By the same hash, where the window cannot move on: the needles that may begin with it.
    needles: HashMap<usize, Vec<usize>>,
}

impl Filter {
    /// For needles that have at least three bytes.
    pub(super) fn new<'a>(needles: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let window = needles.clone().map(<[u8]>::len).min().unwrap_or(BLOCK).clamp(BLOCK, LONGEST_WINDOW);
        let mut filter = Self { window, skips: vec![(window - BLOCK + 1) as u8; HASHES], needles: HashMap::new() };
        for (index, needle) in needles.enumerate() {
            for (at, block) in needle[..window].windows(BLOCK).enumerate() {
                let skip = (window - BLOCK - at) as u8;
                let kept = &mut filter.skips[hash(block)];
                *kept = skip.min(*kept);
                if skip == 0 {
                    filter.needles.entry(hash(block)).or_default().push(index);
                }
            }
        }
        filter
    }

    /// Whether one of the needles, which `needle` gives by their number, stands in the text.
    pub(super) fn finds<'a>(&self, text: &[u8], needle: impl Fn(usize) -> &'a [u8]) -> bool {
        let mut end = self.window;
        while let Some(block) = text.get(end - BLOCK..end) {
            let hash = hash(block);
            match self.skips[hash] {
                0 => {
                    let rest = &text[end - self.window..];
                    let begins = |index: &usize| rest.starts_with(needle(*index));
                    if self.needles.get(&hash).is_some_and(|needles| needles.iter().any(begins)) {
                        return true;
                    }
                    end += 1;
                }
                skip => end += usize::from(skip),
            }
        }
        false
    }
}

fn hash(block: &[u8]) -> usize {
    block.iter().fold(0, |hash, byte| (hash << 5) ^ usize::from(*byte)) & (HASHES - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_found_and_what_is_not_is_not(
            needles in prop::collection::vec("[ab]{3,9}", 1..6),
            text in "[abc]{0,60}",
        ) {
            let filter = Filter::new(needles.iter().map(String::as_bytes));
            let is_there = needles.iter().any(|needle| text.contains(needle));
            prop_assert_eq!(filter.finds(text.as_bytes(), |index| needles[index].as_bytes()), is_there);
        }

        #[test]
        fn a_needle_is_found_wherever_it_stands(needle in "\\PC{3,100}", before in "\\PC{0,90}", after in "\\PC{0,90}") {
            let filter = Filter::new(std::iter::once(needle.as_bytes()));
            let text = format!("{before}{needle}{after}");
            prop_assert!(filter.finds(text.as_bytes(), |_| needle.as_bytes()));
        }
    }
}
