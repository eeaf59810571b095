//! What had to be adapted, and where.

use std::borrow::Cow;

use serde::Serialize;

/// The most changes in many places that are kept of one tool: a schema may have the same fault a million times.
const MOST: usize = 100;

/// Something in a tool's definition that an API does not take as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The tool's name at the gateway.
    pub tool: String,
    /// Where in the tool's definition, as a JSON pointer.
    pub path: String,
    /// What was done and why, in one sentence.
    pub change: String,
}

/// Collects the changes of one tool.
#[derive(Debug)]
pub(super) struct Report<'a> {
    tool: &'a str,
    changes: &'a mut Vec<Change>,
    left: usize,
}

impl<'a> Report<'a> {
    pub(super) fn of(tool: &'a str, changes: &'a mut Vec<Change>) -> Self {
        Self { tool, changes, left: MOST }
    }

    pub(super) fn add(&mut self, path: impl Into<String>, change: impl Into<String>) {
        self.changes.push(Change { tool: self.tool.to_owned(), path: path.into(), change: change.into() });
    }

    /// Adds a change that may come any number of times; the first ones are kept.
    pub(super) fn add_one_of_many(&mut self, path: impl FnOnce() -> String, change: impl Into<String>) {
        if self.left > 0 {
            self.left -= 1;
            self.add(path(), change);
        }
    }
}

/// The text with at most this many characters; one that is cut ends in `…`.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }

    #[test]
    fn a_report_has_an_end() {
        let mut changes = Vec::new();
        let mut report = Report::of("x", &mut changes);
        (0..1000).for_each(|n| report.add_one_of_many(|| format!("/{n}"), "x"));
        report.add("/last", "x");
        assert_eq!(changes.len(), MOST + 1);
    }
}
