//! What the words of a tool's name say that it does.

/// Words that a tool's name has to have, and words that it must not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// One of these has to be there.
    pub(super) of: &'static [&'static str],
    /// Whether it has to be the first or the last word.
    pub(super) at_an_end: bool,
    /// None of these may be there.
    pub(super) without: &'static [&'static [&'static str]],
}

impl Words {
    pub(super) fn say(&self, name: &str) -> bool {
        let words = split(name);
        let is_one = |word: &String| self.of.contains(&word.as_str());
        let says = if self.at_an_end {
            words.first().is_some_and(is_one) || words.last().is_some_and(is_one)
        } else {
            words.iter().any(is_one)
        };
        says && !words.iter().any(|word| self.without.iter().any(|not| not.contains(&word.as_str())))
    }
}

/// The words of a name, in lower case: `deleteRepo`, `delete-repo` and `DELETE_REPO` have the same two.
fn split(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = name.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && (before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && next_is_lower));
        if (!letter.is_alphanumeric() || begins) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, words) in [
            ("delete_repo", vec!["delete", "repo"]),
            ("deleteRepo", vec!["delete", "repo"]),
            ("API.getHTTPStatus", vec!["api", "get", "http", "status"]),
            ("--list--", vec!["list"]),
            ("", vec![]),
        ] {
            assert_eq!(split(name), words, "{name}");
        }
    }
}
