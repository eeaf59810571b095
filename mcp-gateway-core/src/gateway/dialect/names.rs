//! Names that an API takes.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// The longest name that every API takes; some take more by now.
pub(super) const MOST: usize = 64;

/// How many hex digits tell apart names that would meet.
const DIGITS: usize = 8;

/// Which characters a name may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alphabet {
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
    /// The rule in words.
    pub(super) rule: &'static str,
}

/// Tools of OpenAI and Anthropic.
pub(super) const TOOL: Alphabet =
    Alphabet { first: is_word, rest: is_word, rule: "at most 64 letters, digits, `_` and `-`" };

/// Tools of Gemini, which takes more, but not everywhere.
pub(super) const LETTER_FIRST: Alphabet = Alphabet {
    first: |c| c.is_ascii_alphabetic() || c == '_',
    rest: is_word,
    rule: "at most 64 letters, digits, `_` and `-`, a letter or `_` first",
};

/// Properties at the root of a schema of Anthropic.
pub(super) const PROPERTY: Alphabet = Alphabet {
    first: |c| is_word(c) || c == '.',
    rest: |c| is_word(c) || c == '.',
    rule: "at most 64 letters, digits, `_`, `-` and `.`",
};

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

impl Alphabet {
    /// Whether the API takes the name as it is.
    pub(super) fn takes(self, name: &str) -> bool {
        // A character that is taken has one byte.
        name.len() <= MOST && name.starts_with(self.first) && name.chars().all(self.rest)
    }

    /// The name with `_` for what the API does not take; too long or empty if the name is.
    fn draft(self, name: &str) -> String {
        // One character more than is taken shows that the name is too long.
        let mut draft: String = name.chars().take(MOST + 1).map(|c| if (self.rest)(c) { c } else { '_' }).collect();
        if draft.starts_with(|c| !(self.first)(c)) {
            draft.insert(0, '_');
        }
        draft
    }
}

/// Gives each name one that the API takes, no two the same.
///
/// # Errors
/// `InvalidInput` when a name comes twice.
pub(super) fn give<'a>(alphabet: Alphabet, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, String>> {
    let mut given = BTreeMap::new();
    let mut drafts = BTreeMap::new();
    for name in names {
        let known = if alphabet.takes(name) {
            given.insert(name.to_owned(), name.to_owned()).is_some()
        } else {
            drafts.insert(name, alphabet.draft(name)).is_some()
        };
        if known {
            return Err(Error::new(ErrorKind::InvalidInput, format!("two tools have the name `{name}`"))
                .with_hint("give each tool its own name"));
        }
    }
    let mut taken: HashSet<String> = given.keys().cloned().collect();
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    for draft in drafts.values() {
        *wanted.entry(draft).or_default() += 1;
    }
    // All that would meet are told apart, so that none depends on which came first.
    let is_alone = |draft: &str| wanted.get(draft) == Some(&1) && !draft.is_empty() && draft.len() <= MOST;
    let (alone, others): (Vec<_>, Vec<_>) =
        drafts.iter().partition(|(_, draft)| is_alone(draft) && !taken.contains(draft.as_str()));
    for (name, draft) in alone {
        taken.insert(draft.clone());
        given.insert((*name).to_owned(), draft.clone());
    }
    for (name, draft) in others {
        let free = (0..=taken.len()).map(|round| told_apart(name, draft, round)).find(|name| !taken.contains(name));
        let free = free.ok_or_else(|| Error::new(ErrorKind::Internal, format!("no name is free for `{name}`")))?;
        taken.insert(free.clone());
        given.insert((*name).to_owned(), free);
    }
    Ok(given)
}

/// The draft with a part of the name's digest; a later round gives another one.
fn told_apart(name: &str, draft: &str, round: usize) -> String {
    let mut hash = Sha256::new().chain_update(name);
    if round > 0 {
        hash.update(format!("\0{round}"));
    }
    let digest = hex::encode(hash.finalize());
    // A draft is ASCII.
    format!("{}_{}", &draft[..draft.len().min(MOST - DIGITS - 1)], &digest[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(alphabet: Alphabet, names: &[&str]) -> BTreeMap<String, String> {
        let given = give(alphabet, names.iter().copied()).unwrap();
        assert!(given.values().all(|name| alphabet.takes(name)), "{given:?}");
        assert_eq!(given.values().collect::<HashSet<_>>().len(), names.len(), "{given:?}");
        given
    }

    #[test]
    fn what_is_taken_stays_and_what_is_not_becomes_an_underscore() {
        let names = given(TOOL, &["a-b_C1", "time.now", "1st", "wetter für münchen", "天気"]);
        assert_eq!(names["a-b_C1"], "a-b_C1");
        assert_eq!(names["time.now"], "time_now");
        assert_eq!(names["1st"], "1st");
        assert_eq!(names["wetter für münchen"], "wetter_f_r_m_nchen");
        assert_eq!(names["天気"], "__");
        let names = given(LETTER_FIRST, &["_a", "1st", "-x", "a.b"]);
        assert_eq!(names["_a"], "_a");
        assert_eq!(names["1st"], "_1st");
        assert_eq!(names["-x"], "_-x");
        assert_eq!(names["a.b"], "a_b");
        assert_eq!(given(PROPERTY, &["filter[id]", "a.b"])["filter[id]"], "filter_id_");
    }

    #[test]
    fn names_that_would_meet_are_told_apart_in_any_order() {
        let names = ["a.b", "a/b", "a_b", "c.d"];
        let there = given(TOOL, &names);
        assert_eq!(there["a_b"], "a_b", "a name that is taken keeps its meaning");
        assert_eq!(there["c.d"], "c_d");
        insta::assert_snapshot!(there["a.b"], @"a_b_2e7336dc");
        insta::assert_snapshot!(there["a/b"], @"a_b_c14cddc0");
        let back: Vec<&str> = names.into_iter().rev().collect();
        assert_eq!(given(TOOL, &back), there);
    }

    #[test]
    fn a_name_that_looks_like_a_digest_takes_nothing_away() {
        let wanted = given(TOOL, &["a.b", "a/b"])["a.b"].clone();
        let names = given(TOOL, &["a.b", "a/b", &wanted]);
        assert_eq!(names[&wanted], wanted);
        assert_ne!(names["a.b"], wanted);
    }

    #[test]
    fn long_names_are_cut() {
        let (x, y, z) = ("x".repeat(200), format!("{}y", "x".repeat(199)), "ü".repeat(200));
        let names = given(TOOL, &[&x, &y, &z, &"w".repeat(64), &"w".repeat(65)]);
        assert_eq!(names[&x].len(), MOST);
        assert!(names[&x].starts_with(&"x".repeat(55)));
        assert_eq!(names[&"w".repeat(64)], "w".repeat(64));
        assert_eq!(names[&"w".repeat(65)].len(), MOST);
        // With the `_` in front it is one too long.
        assert_eq!(given(LETTER_FIRST, &[&"1".repeat(64)])[&"1".repeat(64)].len(), MOST);
    }

    #[test]
    fn an_empty_name_gets_one_and_a_double_one_is_refused() {
        insta::assert_snapshot!(given(LETTER_FIRST, &[""])[""], @"_e3b0c442");
        assert_eq!(give(TOOL, ["a", "a"].into_iter()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(give(TOOL, ["a.b", "a.b"].into_iter()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
