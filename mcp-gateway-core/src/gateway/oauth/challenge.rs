//! What a server says when it wants another token: `WWW-Authenticate`.

use super::scopes;
use crate::transport::client::TokenRefusal;

/// The longest list of challenges that is read.
const MAX_BYTES: usize = 16 * 1024;

/// The parameters of a `Bearer` challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Where the metadata of the protected resource is.
    pub(super) resource_metadata: Option<String>,
    /// The scopes that the request needs.
    pub(super) scopes: Vec<String>,
    /// Why the token was refused.
    pub(super) error: Option<String>,
}

impl Challenge {
    /// The first `Bearer` challenge of a refusal, if there is one.
    pub(super) fn find(refusal: &TokenRefusal) -> Option<Self> {
        refusal.challenges.iter().find_map(|text| Self::parse(text))
    }

    /// The first `Bearer` challenge of a refusal; an empty one where there is none.
    pub(super) fn of(refusal: &TokenRefusal) -> Self {
        Self::find(refusal).unwrap_or_default()
    }

    /// Whether the token is good but too weak.
    pub(super) fn wants_more_scopes(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }

    /// Reads a header, which may hold several challenges: `Basic realm="x", Bearer scope="a b", error="…"`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.get(..text.len().min(MAX_BYTES))?;
        let mut found: Option<Self> = None;
        for item in items(text) {
            let (scheme, parameter) = match item.split_once(char::is_whitespace) {
                Some((scheme, rest)) if !scheme.contains('=') => (Some(scheme), rest.trim()),
                _ if !item.contains('=') => (Some(item), ""),
                _ => (None, item),
            };
            match (scheme, &mut found) {
                (Some(scheme), None) if scheme.eq_ignore_ascii_case("bearer") => {
                    found.insert(Self::default()).take(parameter);
                }
                (None, Some(challenge)) => challenge.take(parameter),
                // The next challenge.
                (Some(_), Some(_)) => break,
                _ => {}
            }
        }
        found
    }

    fn take(&mut self, parameter: &str) {
        let Some((name, value)) = parameter.split_once('=') else { return };
        let value = unquote(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "resource_metadata" => self.resource_metadata = Some(value),
            "scope" => self.scopes = scopes(&value),
            "error" => self.error = Some(value),
            _ => {}
        }
    }
}

/// The parts between commas that stand outside of quotes.
fn items(text: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text[start..].trim());
    items.retain(|item| !item.is_empty());
    items
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return value.to_owned() };
    let (mut out, mut escaped) = (String::with_capacity(inner.len()), false);
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(texts: &[&str]) -> Challenge {
        Challenge::of(&TokenRefusal::new(401, texts.iter().map(|text| (*text).to_owned()).collect()))
    }

    #[test]
    fn the_bearer_challenge_is_found_among_others() {
        let read = challenge(&[
            "Negotiate",
            r#"Basic realm="a, Bearer b=c", bearer error="insufficient_scope", scope="a  b a", resource_metadata="https://x/\"y", Digest scope="no""#,
        ]);
        assert_eq!(read.scopes, ["a", "b"]);
        assert_eq!(read.resource_metadata.as_deref(), Some("https://x/\"y"));
        assert!(read.wants_more_scopes());
        assert_eq!(challenge(&["Bearer"]), Challenge::default());
        assert!(Challenge::find(&TokenRefusal::new(401, vec!["Basic realm=\"Bearer\"".to_owned()])).is_none());
        assert_eq!(challenge(&["Bearer scope=one"]).scopes, ["one"]);
        for none in [&[][..], &["Basic realm=x"], &[""], &["Bearer ===,,\""], &["\u{fc}"]] {
            assert_eq!(challenge(none), Challenge::default(), "{none:?}");
        }
    }
}
