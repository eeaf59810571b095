//! Words and meaning together: what a text scores by both, and what stays first whatever it means.

use super::Server;

/// How much counts how near a tool is to what the query means, where a text that has every word of it counts 1.
///
/// Found by measurement, see docs/search.md: less finds less of what is said in other words, more loses what is said in
/// the same ones.
pub(super) const TOOL: f32 = 1.25;
/// How much counts how near a server is by what it says of itself: beside its tools little, as long as it has some.
pub(super) const HEAD: f32 = 0.3;

/// The most words of a query that may be names.
const MAX_NAMES: usize = 64;

/// Makes the scores of words comparable between queries, and adds how near each text is.
///
/// A query whose words are all found is decided by words; one that says it in other words, by meaning.
pub(super) fn fuse(scores: &mut [f32], expected: f32, near: impl Iterator<Item = f32>) {
    let by = if expected > 0.0 { 1.0 / expected } else { 1.0 };
    for (score, near) in scores.iter_mut().zip(near) {
        *score = *score * by + near;
    }
}

/// What a query asks for by its name: all of it, or a word that is written as names are.
pub(super) struct Named(Vec<String>);

impl Named {
    pub(super) fn of(text: &str) -> Self {
        let names = text.split_whitespace().filter(|word| is_identifier(word)).take(MAX_NAMES);
        let all = std::iter::once(text).chain(names).map(|text| plain(text).collect::<String>());
        Self(all.filter(|name| !name.is_empty()).collect())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.0.iter().any(|asked| plain(name).eq(asked.chars()))
    }

    /// Whether it is the name of a server or of one of its tools, as far as they score.
    pub(super) fn is_in(&self, server: &Server, tools: &[f32]) -> bool {
        let mut found = server.tools.iter().filter(|tool| tools[tool.doc as usize] > 0.0);
        self.is(server.entry.name.as_str()) || found.any(|tool| self.is(&tool.name))
    }
}

/// Letters and digits without regard to case.
fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Whether a word is of several: `create_issue`, `createIssue`, `create-issue`.
fn is_identifier(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let is_joined = word.contains(['_', '-', '.', '/']);
    is_joined || word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_whatever_form() {
        for query in ["createIssue", "create issue", "Create-Issue!", "please call create_issue now"] {
            assert!(Named::of(query).is("create_issue"), "{query}");
        }
        for query in ["create an issue", "issue", "", "please create issue now"] {
            assert!(!Named::of(query).is("create_issue"), "{query}");
        }
        assert!(!Named::of("?!").is("?!"));
    }

    #[test]
    fn words_that_are_all_found_decide() {
        let mut scores = [10.0, 1.0, 0.0];
        fuse(&mut scores, 8.0, [0.0, 0.6, 0.6].into_iter());
        assert!(scores[0] > scores[1] && scores[1] > scores[2]);
        let mut scores = [1.0, 0.0];
        fuse(&mut scores, 8.0, [0.0, 0.6].into_iter());
        assert!(scores[1] > scores[0]);
    }
}
