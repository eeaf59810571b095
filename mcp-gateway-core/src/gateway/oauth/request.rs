//! Requests to the token endpoint and its relatives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::credential::{Client, ClientMethod, Tokens};
use super::fetch::{Answer, Fetch};
use super::{scopes, shown};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::SecretValue;
use crate::util::clock;

const FORM: &str = "application/x-www-form-urlencoded";

/// The refusal of an authorization server.
#[derive(Debug)]
pub(super) struct Refused {
    /// The code, such as `invalid_grant`.
    pub(super) code: String,
    status: u16,
}

impl Refused {
    fn of(answer: &Answer) -> Self {
        let code = answer.json.get("error").and_then(Value::as_str).unwrap_or_default();
        Self { code: shown(code), status: answer.status }
    }

    /// Whether what was asked with is no longer good, and asking again would not help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.code.as_str(), "invalid_grant" | "invalid_client" | "unauthorized_client" | "invalid_target")
    }

    /// The error that a caller sees; what the server explains is left out, it may repeat what it was sent.
    pub(super) fn into_error(self, what: &'static str) -> Error {
        let error = Error::new(if self.is_temporary() { ErrorKind::Network } else { ErrorKind::Unauthorized }, what)
            .with_context("status", self.status);
        let error = if self.code.is_empty() { error } else { error.with_context("error", &self.code) };
        if self.is_temporary() { error.with_fault(Fault::Server).retry_later() } else { error }
    }

    fn is_temporary(&self) -> bool {
        self.status >= 500 || self.status == 429
    }
}

/// Asks for tokens.
///
/// # Errors
/// `Protocol` when the answer has none that can be used; `Denied`, `Network`, `Timeout`, `TooLarge`.
pub(super) async fn tokens(
    fetch: &Fetch,
    endpoint: &Url,
    client: &Client,
    form: &[(&str, &str)],
    asked: &[String],
) -> Result<Result<Tokens, Refused>> {
    let answer = post(fetch, endpoint, client, form).await?;
    if answer.status != 200 {
        return Ok(Err(Refused::of(&answer)));
    }
    let text = |name: &str| answer.json.get(name).and_then(Value::as_str);
    let wrong = |why: &'static str| Error::new(ErrorKind::Protocol, why);
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(wrong("authorization server gave a token that is no bearer token"));
    }
    let access = text("access_token").filter(|token| is_token(token));
    let access = access.ok_or_else(|| wrong("authorization server gave no token that can be sent"))?;
    let seconds = answer.json.get("expires_in").and_then(|value| match value {
        Value::String(text) => text.parse::<f64>().ok(),
        value => value.as_f64(),
    });
    #[expect(clippy::cast_possible_truncation, reason = "the bound is below the largest integer")]
    let lifetime = seconds.filter(|seconds| seconds.is_finite()).map(|seconds| (seconds.clamp(0.0, 1e11) * 1e3) as i64);
    Ok(Ok(Tokens {
        access: SecretValue::new(access),
        refresh: text("refresh_token").filter(|token| !token.is_empty()).map(SecretValue::new),
        expires: lifetime.map(|lifetime| clock::now_millis().saturating_add(lifetime)),
        // Scopes that are not said are those that were asked for.
        scopes: text("scope").map_or_else(|| asked.to_vec(), scopes),
    }))
}

/// Ends a token, RFC 7009.
///
/// # Errors
/// As [`tokens`]; `Unauthorized` when the authorization server refuses.
pub(super) async fn revoke(
    fetch: &Fetch,
    endpoint: &Url,
    client: &Client,
    token: &SecretValue,
    hint: &str,
) -> Result<()> {
    let answer = post(fetch, endpoint, client, &[("token", token.expose()), ("token_type_hint", hint)]).await?;
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(Refused::of(&answer).into_error("authorization server does not revoke the token"))
}

async fn post(fetch: &Fetch, endpoint: &Url, client: &Client, form: &[(&str, &str)]) -> Result<Answer> {
    let (body, header) = identified(client, form);
    fetch.post(endpoint, FORM, body, header.as_deref()).await
}

/// The form with who the client is, and the header where that belongs into one.
fn identified(client: &Client, form: &[(&str, &str)]) -> (String, Option<String>) {
    let mut body = form_urlencoded::Serializer::new(String::new());
    // The id goes into the form in any case: servers of the Python SDK look for it there.
    body.extend_pairs(form).append_pair("client_id", &client.id);
    match (client.method, client.secret.as_ref().map(SecretValue::expose)) {
        (ClientMethod::ClientSecretBasic, Some(secret)) => return (body.finish(), Some(basic(&client.id, secret))),
        (ClientMethod::ClientSecretPost, Some(secret)) => body.append_pair("client_secret", secret),
        _ => &mut body,
    };
    (body.finish(), None)
}

/// Id and secret as RFC 6749 writes them: both are encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    // Not every server reads `+` as the space that it is in a form.
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

/// Whether a text can be sent as a token.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        assert_eq!(basic("a:b", "c d+%"), format!("Basic {}", STANDARD.encode("a%3Ab:c%20d%2B%25")));
    }

    #[test]
    fn a_token_that_would_split_a_header_is_none() {
        assert!(is_token("eyJ.a-_~+/="));
        for bad in ["", "a b", "a\r\nX: y", "\u{fc}"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
