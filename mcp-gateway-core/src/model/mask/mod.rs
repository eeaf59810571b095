//! Known values, found in whatever form they have in a text.

mod filter;
mod forms;
mod plain;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::SecretValue;
use filter::Filter;
use forms::Form;

pub(crate) use plain::plain_json;

/// Shorter values occur in ordinary text by chance, and cutting them would destroy answers.
pub(crate) const SHORTEST: usize = 6;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// Finds values in every form that they are commonly given: as they are, escaped for JSON, in base64 at any alignment,
/// URL-encoded, in hexadecimal digits, escaped for HTML.
///
/// # Behavior
/// - One pass over a text that holds none, however many values there are; it looks at a small part of the text if every
///   value is long. Only what holds one is searched for all of them.
/// - Values of fewer than six bytes are not looked for.
/// - The values are in the tables of the automaton, which is not wiped when it is dropped; the copies that it is built
///   from are.
/// - Values that are too many to be looked for leave nothing of any text.
pub(crate) struct Mask {
    forms: Vec<Form>,
    filter: Option<Filter>,
    /// Made for the first text that holds a value: most never do.
    finder: OnceLock<Finder>,
    longest: usize,
}

enum Finder {
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
        let filter = (!forms.is_empty()).then(|| Filter::new(forms.iter().map(|form| form.text.as_bytes())));
        Self { forms, filter, finder: OnceLock::new(), longest }
    }

    /// The forms in which the values are looked for.
    #[cfg(all(
        feature = "egress-injection",
        any(feature = "runtime-docker", feature = "runtime-process"),
        target_os = "linux"
    ))]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.forms.iter().map(|form| form.text.as_str())
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
        let Some(filter) = &self.filter else { return Vec::new() };
        if !filter.finds(text.as_bytes(), |form| self.forms[form].text.as_bytes()) {
            return Vec::new();
        }
        let texts = || self.forms.iter().map(|form| form.text.as_bytes());
        let finder = || AhoCorasick::new(texts()).map_or(Finder::Everything, Finder::Forms);
        let automaton = match self.finder.get_or_init(finder) {
            Finder::Forms(automaton) => automaton,
            Finder::Everything => return std::iter::once(0..text.len()).collect(),
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for hit in automaton.find_overlapping_iter(text) {
            let is_one = !in_json || (self.forms[hit.pattern().as_usize()].in_json && !is_escaped(text, hit.start()));
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
        f.debug_struct("Mask").field("forms", &self.forms.len()).finish_non_exhaustive()
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
