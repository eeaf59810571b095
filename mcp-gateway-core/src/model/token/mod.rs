//! Tokens of well-known providers, found by their look.

mod table;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::Regex;

use table::KINDS;

/// The fewest different characters in what is random.
const FEWEST_CHARACTERS: usize = 8;

/// The kinds of tokens that are known by their look, sorted.
pub fn token_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// A token that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: &'static str,
    pub(crate) place: Range<usize>,
}

struct Finder {
    starts: AhoCorasick,
    /// Of each start, the kind that it is of and the form of the whole.
    forms: Vec<(&'static str, Regex)>,
}

/// `None` would be a mistake in the table, which a test would find.
static FINDER: LazyLock<Option<Finder>> = LazyLock::new(|| {
    let mut forms = Vec::new();
    for kind in KINDS {
        let form = Regex::new(&format!("^(?:{})", kind.form)).ok()?;
        forms.extend(kind.starts.iter().map(|_| (kind.name, form.clone())));
    }
    let starts = AhoCorasick::builder()
        // Searched many bytes at once, which is possible for this kind of match alone.
        .match_kind(MatchKind::LeftmostLongest)
        .build(KINDS.iter().flat_map(|kind| kind.starts))
        .ok()?;
    Some(Finder { starts, forms })
});

/// Where tokens stand in a text, in order and apart; placeholders and examples are none.
pub(crate) fn find_tokens(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let Some(finder) = &*FINDER else { return found };
    for hit in finder.starts.find_iter(text) {
        let start = hit.start();
        if found.last().is_some_and(|last| start < last.place.end) || !begins(text, start) {
            continue;
        }
        let (kind, form) = &finder.forms[hit.pattern().as_usize()];
        if let Some(whole) = form.find(&text[start..])
            && is_likely(kind, whole.as_str())
        {
            found.push(Found { kind, place: start..start + whole.end() });
        }
    }
    found
}

/// Whether a token can begin here: not within a longer word, and what is escaped belongs to no word.
fn begins(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
        [] => true,
    }
}

/// Whether it is more than an example of one.
fn is_likely(kind: &str, token: &str) -> bool {
    if kind == "jwt" {
        let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let header = header.and_then(|header| serde_json::from_slice::<serde_json::Value>(&header).ok());
        return header.is_some_and(|header| header["alg"].is_string());
    }
    let secret = &token[token.len().saturating_sub(20)..];
    let characters = secret.bytes().fold(0_u128, |seen, byte| seen | 1 << (byte & 127)).count_ones() as usize;
    kind == "private-key" || (characters >= FEWEST_CHARACTERS && !token.ends_with("EXAMPLE"))
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that looks random, made of an alphabet.
    fn random(alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            letters[(state >> 16) as usize % letters.len()]
        };
        (0..length).map(|_| next()).collect()
    }

    const WORD: &str = "aB3cD4eF5gH6iJ7kL8mN9oP0qRsTuVwXyZ";

    fn samples() -> Vec<(&'static str, String)> {
        let word = |length| random(WORD, length);
        let upper = |length| random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length);
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"1234567890"}"#);
        vec![
            ("age-key", format!("AGE-SECRET-KEY-1{}", upper(58))),
            ("anthropic", format!("sk-ant-api03-{}", word(95))),
            ("aws-access-key", format!("AKIA{}", upper(16))),
            ("digitalocean", format!("dop_v1_{}", random("0123456789abcdef", 64))),
            ("docker-hub", format!("dckr_pat_{}", word(27))),
            ("github", format!("ghp_{}", word(36))),
            ("github-fine-grained", format!("github_pat_{}_{}", word(22), word(59))),
            ("gitlab", format!("glpat-{}", word(20))),
            ("google-api-key", format!("AIza{}", word(35))),
            ("google-oauth", format!("GOCSPX-{}", word(28))),
            ("hugging-face", format!("hf_{}", random("abcdefghijkLMNOPQRSTUVwxyz", 34))),
            ("jwt", format!("{header}.{claims}.{}", word(43))),
            ("npm", format!("npm_{}", word(36))),
            ("openai", format!("sk-proj-{}T3BlbkFJ{}", word(58), word(58))),
            ("private-key", format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", word(200))),
            ("pypi", format!("pypi-AgEIcHlwaS5vcmc{}", word(80))),
            ("sendgrid", format!("SG.{}.{}", word(22), word(43))),
            ("slack", format!("xoxb-{}-{}", "1234567890", word(24))),
            ("slack-app", format!("xapp-1-{}-1234567890-{}", upper(11), word(64))),
            ("slack-webhook", format!("hooks.slack.com/services/T{}/B{}/{}", upper(9), upper(9), word(24))),
            ("stripe", format!("sk_live_{}", word(24))),
            ("vault", format!("hvs.{}", word(90))),
        ]
    }

    #[test]
    fn every_kind_is_found_in_text_and_in_json() {
        assert!(FINDER.is_some());
        assert!(token_kinds().eq(samples().iter().map(|(kind, _)| *kind)));
        assert!(token_kinds().is_sorted());
        for (kind, token) in samples() {
            for text in [format!("a: {token}"), token.clone(), format!("x\n{token}\""), format!("KEY={token}")] {
                let found = find_tokens(&text);
                assert_eq!(found.len(), 1, "{text}");
                assert_eq!((found[0].kind, &text[found[0].place.clone()]), (kind, token.as_str()), "{text}");
            }
            let json = serde_json::json!({"text": format!("line\n{token}\n"), "next": 1}).to_string();
            let found = find_tokens(&json);
            assert_eq!(found.iter().map(|found| found.kind).collect::<Vec<_>>(), [kind], "{json}");
            let left = crate::model::replaced(&json, &[found[0].place.clone()]).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok(), "{left}");
        }
    }

    #[test]
    fn placeholders_examples_and_parts_of_words_are_left_alone() {
        for text in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_your_token_here",
            "AKIAIOSFODNN7EXAMPLE",
            "task-ant-api03, risk-proj-1, sk-learn-contrib-packages-are-many",
            "sk_live_...",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1234567890abcdefghijklmnop\n",
            "eyJhbGci.eyJzdWIi.sig",
            "eyJub3QiOiJhIGp3dCJ9xxxxxxxx.eyJub3QiOiJhIGp3dCJ9xxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxx",
            "d0ghp_aB3cD4eF5gH6iJ7kL8mN9oP0qRsTuVwXyZaB3c",
            "npm_config_registry=https://registry.example, npm_lifecycle_event",
            "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxx",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ] {
            assert_eq!(find_tokens(text), [], "{text}");
        }
    }

    #[test]
    fn several_are_found_in_order_and_apart() {
        let all: Vec<String> = samples().into_iter().map(|(_, token)| token).collect();
        let text = all.join(" and ");
        let found = find_tokens(&text);
        assert_eq!(found.len(), all.len());
        assert!(found.windows(2).all(|pair| pair[0].place.end <= pair[1].place.start));
    }
}
