//! Known values, found in whatever form they have in a text.

mod forms;
mod plain;

use std::fmt;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::SecretValue;

pub(crate) use plain::plain_json;

/// Shorter values occur in ordinary text by chance, and cutting them would destroy answers.
pub(crate) const SHORTEST: usize = 6;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// Finds values in every form that they are commonly given: as they are, escaped for JSON, in base64 at any alignment,
/// URL-encoded, in hexadecimal digits, escaped for HTML.
///
/// # Behavior
/// - One pass over a text, however many values there are.
/// - Values of fewer than six bytes are not looked for.
/// - The values are in the tables of the automaton, which is not wiped when it is dropped; the copies that it is built
///   from are.
/// - Values that are too many to be looked for leave nothing of any text.
pub(crate) struct Mask {
    finder: Finder,
    /// Of each pattern of the automaton, whether it can stand in a text of JSON.
    in_json: Vec<bool>,
    longest: usize,
}

enum Finder {
    Nothing,
    Forms(AhoCorasick),
    Everything,
}

impl Mask {
    /// Finds these values.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let mut forms = Vec::new();
        for value in values.into_iter().filter(|value| value.expose().len() >= SHORTEST) {
            // Where a whole value has a line end after it, what comes back may not.
            for value in [value.expose(), value.expose().trim()].iter().filter(|value| value.len() >= SHORTEST) {
                forms.extend(forms::forms(value).into_iter().filter(|form| form.text.len() >= SHORTEST));
            }
        }
        let longest = forms.iter().map(|form| form.text.len()).max().unwrap_or_default();
        let finder = if forms.is_empty() {
            Finder::Nothing
        } else {
            let texts = forms.iter().map(|form| form.text.as_bytes());
            AhoCorasick::new(texts).map_or(Finder::Everything, Finder::Forms)
        };
        Self { finder, in_json: forms.iter().map(|form| form.in_json).collect(), longest }
    }

    /// How many bytes the longest form has.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The text without the values; `None` for one that holds none.
    pub(crate) fn cut(&self, text: &str) -> Option<String> {
        replaced(text, &self.find(text, false))
    }

    /// Where the values stand, in order and apart; JSON has to be [plain](plain_json).
    pub(crate) fn find(&self, text: &str, in_json: bool) -> Vec<Range<usize>> {
        let automaton = match &self.finder {
            Finder::Nothing => return Vec::new(),
            Finder::Forms(automaton) => automaton,
            Finder::Everything => return std::iter::once(0..text.len()).collect(),
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for hit in automaton.find_overlapping_iter(text) {
            let is_one = !in_json || (self.in_json[hit.pattern().as_usize()] && !is_escaped(text, hit.start()));
            if !is_one || !text.is_char_boundary(hit.start()) || !text.is_char_boundary(hit.end()) {
                continue;
            }
            let mut range = hit.range();
            // Hits come by their ends: one that begins earlier swallows those before it.
            while let Some(last) = found.pop_if(|last| last.end > range.start) {
                range.start = range.start.min(last.start);
            }
            found.push(range);
        }
        found
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("forms", &self.in_json.len()).finish_non_exhaustive()
    }
}

/// Whether what stands here belongs to an escape, as the `n` of `\n` does.
fn is_escaped(json: &str, at: usize) -> bool {
    json.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The text with the mask in these places, which are in order; `None` when there are none.
pub(crate) fn replaced(text: &str, places: &[Range<usize>]) -> Option<String> {
    if places.is_empty() {
        return None;
    }
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for place in places {
        out.push_str(&text[from..place.start]);
        out.push_str(MASK);
        from = place.end;
    }
    out.push_str(&text[from..]);
    Some(out)
}

#[cfg(test)]
mod tests;
