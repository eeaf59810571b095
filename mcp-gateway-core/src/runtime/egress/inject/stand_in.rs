//! The stand-in of a secret, and the secret in its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::Bound;

/// What the name of a header says that carries a credential. Others may be repeated by hosts, in logs and in answers.
const CREDENTIAL: [&str; 6] = ["auth", "credential", "key", "password", "secret", "token"];

/// How credentials of name and password begin.
const BASIC: &str = "basic ";

/// A stand-in.
#[derive(Debug)]
pub(super) struct StandIn(String);

impl StandIn {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text with a value in the place of the stand-in; `None` for one without it.
    fn replaced(&self, text: &str, value: &str) -> Option<Zeroizing<String>> {
        text.contains(&self.0).then(|| Zeroizing::new(text.replace(&self.0, value)))
    }
}

/// Puts secrets into the headers that are for credentials.
///
/// # Errors
/// The header that cannot hold its secret.
pub(super) fn put<'a>(headers: &mut HeaderMap, secrets: impl Iterator<Item = &'a Bound>) -> Result<(), HeaderName> {
    let secrets: Vec<_> = secrets.collect();
    for (name, value) in headers.iter_mut() {
        if !is_for_credentials(name) {
            continue;
        }
        for secret in &secrets {
            let Some(put) = value.to_str().ok().and_then(|text| with(text, secret)) else { continue };
            *value = HeaderValue::from_str(&put).map_err(|_| name.clone())?;
            value.set_sensitive(true);
        }
    }
    Ok(())
}

/// The value of a header with a secret in it; `None` for one without its stand-in.
fn with(text: &str, secret: &Bound) -> Option<Zeroizing<String>> {
    // What ends a file of a secret is none of it.
    let value = secret.value.expose().trim();
    if let Some(put) = secret.stand_in.replaced(text, value) {
        return Some(put);
    }
    let begin = text.get(..BASIC.len()).filter(|begin| begin.eq_ignore_ascii_case(BASIC))?;
    let pair = String::from_utf8(STANDARD.decode(text[BASIC.len()..].trim()).ok()?).ok()?;
    let pair = secret.stand_in.replaced(&pair, value)?;
    let digits = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Some(Zeroizing::new(format!("{begin}{}", *digits)))
}

fn is_for_credentials(name: &HeaderName) -> bool {
    CREDENTIAL.iter().any(|word| name.as_str().contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::super::hosts::HostList;
    use super::*;
    use crate::model::SecretValue;

    fn bound(value: &str) -> Bound {
        let hosts = HostList::parse(&["api.test:443".to_owned()]).unwrap();
        Bound { hosts, stand_in: StandIn::new("mcpgw_1"), value: SecretValue::new(value) }
    }

    fn sent(name: &'static str, value: &str, secret: &Bound) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        put(&mut headers, std::iter::once(secret)).ok()?;
        Some(headers[name].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_secret_stands_where_its_stand_in_did() {
        let secret = bound("s3cret\n");
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for (name, value, expected) in [
            ("authorization", "Bearer mcpgw_1".to_owned(), "Bearer s3cret".to_owned()),
            ("authorization", basic("ann:mcpgw_1"), basic("ann:s3cret")),
            ("authorization", basic("ann:other"), basic("ann:other")),
            ("authorization", "Basic %%%".to_owned(), "Basic %%%".to_owned()),
            ("x-api-key", "mcpgw_1".to_owned(), "s3cret".to_owned()),
            ("private-token", "a mcpgw_1, b mcpgw_1".to_owned(), "a s3cret, b s3cret".to_owned()),
            ("x-request-id", "mcpgw_1".to_owned(), "mcpgw_1".to_owned()),
            ("cookie", "a=mcpgw_1".to_owned(), "a=mcpgw_1".to_owned()),
        ] {
            assert_eq!(sent(name, &value, &secret).unwrap(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_secret_that_would_be_two_headers_is_not_put_anywhere() {
        assert_eq!(sent("authorization", "Bearer mcpgw_1", &bound("a\r\nHost: evil.test")), None);
    }
}
