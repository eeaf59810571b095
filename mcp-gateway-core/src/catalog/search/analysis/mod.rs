//! From text to words: what is compared when something is searched for.

mod chars;
mod stem;
mod stop;
mod synonyms;

use chars::Sort;

pub(super) use stop::is_filler;
pub(super) use synonyms::synonyms;

/// The longest word that counts, in characters; what is longer is data.
const MAX_WORD: usize = 40;

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it is written, without regard to case and accents.
    pub(super) plain: String,
    /// What is left of it without its ending, which is what is compared.
    pub(super) stem: String,
}

impl Word {
    pub(super) fn new(plain: String) -> Self {
        Self { stem: stem::stem(&plain), plain }
    }
}

/// The words of a text.
///
/// # Behavior
/// - Full-width forms, case and accents make no difference: `Ｃafé` is `cafe`.
/// - An identifier is its parts: `createIssue`, `create_issue` and `create-issue` are `create` and `issue`.
/// - Scripts without spaces between words give pairs of neighbouring characters.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Words::default();
    let mut before = Sort::Apart;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let sort = chars::sort(c);
        let next = chars.peek().map_or(Sort::Apart, |next| chars::sort(*next));
        match (before, sort) {
            (_, Sort::Apart) => words.end(),
            (_, Sort::Apostrophe) => {
                // `don't` is one word, `server's` is `server`.
                let mut rest = chars.clone();
                let is_owner = rest.next().is_some_and(|c| matches!(c, 's' | 'S'))
                    && rest.next().is_none_or(|c| chars::sort(c) == Sort::Apart);
                if is_owner {
                    chars.next();
                }
            }
            (Sort::Unspaced, Sort::Unspaced) => words.push(c),
            (_, Sort::Unspaced) | (Sort::Unspaced, _) => {
                words.end();
                words.is_unspaced = sort == Sort::Unspaced;
                words.push(c);
            }
            (Sort::Lower | Sort::Digit, Sort::Upper) => {
                words.end();
                words.push(c);
            }
            // The last capital of `HTTPServer` begins a word.
            (Sort::Upper, Sort::Upper) if next == Sort::Lower => {
                words.end();
                words.push(c);
            }
            _ => words.push(c),
        }
        before = sort;
    }
    words.end();
    words.done
}

#[derive(Default)]
struct Words {
    done: Vec<Word>,
    plain: String,
    is_unspaced: bool,
}

impl Words {
    fn push(&mut self, c: char) {
        chars::fold(c, &mut self.plain);
    }

    fn end(&mut self) {
        let is_unspaced = std::mem::take(&mut self.is_unspaced);
        let plain = std::mem::take(&mut self.plain);
        if is_unspaced {
            let chars: Vec<char> = plain.chars().collect();
            let pairs = chars.windows(2.min(chars.len()).max(1)).map(|pair| pair.iter().collect::<String>());
            self.done.extend(pairs.map(|pair| Word { stem: pair.clone(), plain: pair }));
        } else if !plain.is_empty() && plain.chars().nth(MAX_WORD).is_none() {
            self.done.push(Word::new(plain));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.plain).collect()
    }

    fn stems(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn identifiers_are_their_parts() {
        assert_eq!(plain("createIssue create_issue create-issue CREATE.ISSUE"), ["create", "issue"].repeat(4));
        assert_eq!(
            plain("HTTPServer parseHTML getV2Url s3 k8s oauth2"),
            ["http", "server", "parse", "html", "get", "v2", "url", "s3", "k8s", "oauth2"]
        );
    }

    #[test]
    fn writing_makes_no_difference() {
        assert_eq!(plain("Ｃafé CAFÉ cafe\u{301} ﬁle Straße"), ["cafe", "cafe", "cafe", "file", "strasse"]);
        assert_eq!(plain("the server's don't user’s I'm"), ["the", "server", "dont", "user", "im"]);
        assert_eq!(
            stems("repositories repository searching searched"),
            ["repositori", "repositori", "search", "search"]
        );
        assert_eq!(stems("файлы файлов"), ["файл", "файл"]);
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(plain("天気予報API"), ["天気", "気予", "予報", "api"]);
        assert_eq!(plain("木"), ["木"]);
        assert_eq!(plain("が"), ["が"]);
        assert_eq!(plain("검색 도구"), ["검색", "도구"]);
    }

    #[test]
    fn what_is_no_word_is_none() {
        assert!(plain(" ,. !? \u{301} ''").is_empty());
        assert!(plain(&"x".repeat(MAX_WORD + 1)).is_empty());
        assert_eq!(plain(&"x".repeat(MAX_WORD)).len(), 1);
    }
}
