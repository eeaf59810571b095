//! Tokens as they come: three parts, of which nothing is true before the signature is verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::claims::Claims;
use super::key_set::Algorithm;

/// The longest token that is read.
const MAX_TOKEN: usize = 16 * 1024;

/// The types that an access token may say it is of; RFC 9068 names the last, most servers say the first or nothing.
const TYPES: &[&str] = &["jwt", "at+jwt", "application/at+jwt"];

/// A token that nobody has verified.
#[derive(Debug)]
pub(super) struct Jwt<'a> {
    pub(super) algorithm: Algorithm,
    /// The name of the key that it says it is signed with.
    pub(super) key: Option<String>,
    pub(super) claims: Claims,
    /// What is signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

/// What of the header is looked at. What it says about where keys are to be found is never followed.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<IgnoredAny>,
}

impl<'a> Jwt<'a> {
    /// Takes a token apart, without believing it.
    ///
    /// # Errors
    /// Why it is none that could be accepted.
    pub(super) fn parse(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > MAX_TOKEN {
            return Err("it is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or("it is no JWT")?;
        let (header, claims) = signed.split_once('.').ok_or("it is no JWT")?;
        let header: Header = read(header).ok_or("its header cannot be read")?;
        let algorithm = Algorithm::from_name(&header.alg).ok_or("its algorithm is not accepted")?;
        if header.crit.is_some() {
            return Err("it has extensions that are not understood");
        }
        if header.typ.is_some_and(|typ| !TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
            return Err("it is of another type than access tokens");
        }
        let claims = read(claims).ok_or("its claims cannot be read")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "its signature cannot be read")?;
        Ok(Self { algorithm, key: header.kid, claims, signed: signed.as_bytes(), signature })
    }
}

/// A part of JSON.
fn read<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
    }

    #[test]
    fn what_is_no_access_token_is_refused_before_any_key_is_looked_for() {
        let claims = json!({"iss": "https://a.example", "aud": "x", "exp": 1});
        let good = token(&json!({"alg": "ES256", "kid": "1", "typ": "AT+JWT"}), &claims);
        let jwt = Jwt::parse(&good).unwrap();
        assert_eq!(
            (jwt.algorithm, jwt.key.as_deref(), jwt.signature),
            (Algorithm::Es256, Some("1"), b"signature".to_vec())
        );
        assert_eq!(jwt.signed, good.rsplit_once('.').unwrap().0.as_bytes());
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "None"}),
            json!({"alg": "HS256"}),
            json!({"alg": "es256"}),
            json!({"alg": ""}),
            json!({"kid": "1"}),
            json!({"alg": "ES256", "crit": ["exp"]}),
            json!({"alg": "ES256", "typ": "dpop+jwt"}),
            json!({"alg": "ES256", "kid": 1}),
        ] {
            assert!(Jwt::parse(&token(&header, &claims)).is_err(), "{header}");
        }
        let (header, rest) = good.split_once('.').unwrap();
        let signed = good.rsplit_once('.').unwrap().0;
        for text in [
            "".to_owned(),
            "..".to_owned(),
            signed.to_owned(),
            format!("{header}.{rest}.more"),
            format!("{header}=.{rest}"),
            format!("{signed}.!"),
            format!(" {good}"),
            format!("{signed}.{}", "x".repeat(MAX_TOKEN)),
        ] {
            assert!(Jwt::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn claims_that_stand_twice_are_refused() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let (header, once) = (part(r#"{"alg":"ES256"}"#), r#"{"iss":"a","aud":"x","exp":1"#);
        assert!(Jwt::parse(&format!("{header}.{}.AA", part(&format!("{once}}}")))).is_ok());
        assert!(Jwt::parse(&format!("{header}.{}.AA", part(&format!(r#"{once},"iss":"b"}}"#)))).is_err());
    }
}
