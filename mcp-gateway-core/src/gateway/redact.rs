//! A server's own secrets, cut out of whatever it sends towards a client.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{SecretValue, Surface};
use crate::protocol::{ClientLink, RawJson, RpcError};
use crate::transport::client::Authorization;

/// Shorter values occur in ordinary text by chance, and cutting them would destroy answers.
const SHORTEST: usize = 6;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// The secrets that one running server has received, in the form that they have inside JSON texts.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    values: Vec<SecretValue>,
    /// Whose tokens change while the server runs.
    authorization: Option<Arc<dyn Authorization>>,
}

impl Redaction {
    pub(crate) fn new(secrets: &[SecretValue]) -> Self {
        let long = secrets.iter().filter(|secret| secret.expose().len() >= SHORTEST);
        let mut values: Vec<SecretValue> = Vec::new();
        for secret in long {
            let quoted = serde_json::Value::from(secret.expose()).to_string();
            let inner = SecretValue::new(&quoted[1..quoted.len() - 1]);
            if !values.contains(&inner) {
                values.push(inner);
            }
        }
        Self { values, authorization: None }
    }

    /// Cuts out the tokens, too, that are sent meanwhile.
    pub(crate) fn with_authorization(mut self, authorization: Option<Arc<dyn Authorization>>) -> Self {
        self.authorization = authorization;
        self
    }

    /// The value without secrets; one without any is handed back untouched.
    pub(crate) fn json(&self, raw: RawJson) -> RawJson {
        match self.cut(raw.get()) {
            // A secret that is a number stands outside of texts; what is no JSON without it is withheld whole.
            Some(text) => RawJson::parse(text).unwrap_or_else(|_| RawJson::empty_object()),
            None => raw,
        }
    }

    /// The error without secrets.
    pub(crate) fn error(&self, mut error: RpcError) -> RpcError {
        if let Some(message) = self.cut(&error.message) {
            error.message = message;
        }
        error.data = error.data.map(|data| self.json(data));
        error
    }

    /// A text without secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.cut(&text).unwrap_or(text)
    }

    /// What a server offers, without secrets.
    pub(crate) fn surface(&self, mut surface: Surface) -> Surface {
        let lists = [&mut surface.tools, &mut surface.prompts, &mut surface.resources, &mut surface.resource_templates];
        for definition in lists.into_iter().flatten() {
            if let Some(json) = self.cut(&definition.json) {
                definition.json = json;
            }
        }
        surface.instructions = surface.instructions.map(|instructions| self.text(instructions));
        surface
    }

    /// An error of a server that did not start, without secrets.
    pub(crate) fn cut_out_of(&self, error: Error) -> Error {
        if self.cut(&error.report()).is_none() {
            return error;
        }
        // What else it says may hold them too.
        Error::new(error.kind(), self.text(error.to_string()))
    }

    fn cut(&self, text: &str) -> Option<String> {
        let found = |secret: &&SecretValue| memchr::memmem::find(text.as_bytes(), secret.expose().as_bytes()).is_some();
        // Tokens have the same form inside of JSON texts.
        let sent = self.authorization.as_ref().map(|authorization| authorization.sent()).unwrap_or_default();
        let values = || self.values.iter().chain(&sent);
        let first = values().find(found)?;
        let cut = text.replace(first.expose(), MASK);
        Some(values().fold(cut, |text, secret| text.replace(secret.expose(), MASK)))
    }
}

/// A way to a client on which nothing of a server's secrets goes.
#[derive(Debug)]
pub(crate) struct RedactedLink {
    link: Arc<dyn ClientLink>,
    redaction: Arc<Redaction>,
}

impl RedactedLink {
    pub(crate) fn new(link: Arc<dyn ClientLink>, redaction: &Arc<Redaction>) -> Self {
        Self { link, redaction: Arc::clone(redaction) }
    }
}

#[async_trait]
impl ClientLink for RedactedLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        self.link.notify(method, params.map(|params| self.redaction.json(params))).await
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
        self.link.request(method, params.map(|params| self.redaction.json(params))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_cut_out_in_their_json_form() {
        let secrets = [SecretValue::new("hunter2\"x"), SecretValue::new("12345678"), SecretValue::new("ab")];
        let redaction = Redaction::new(&secrets);
        let cut = |text: &str| redaction.json(RawJson::parse(text).unwrap()).get().to_owned();
        assert_eq!(cut(r#"{"a":"is hunter2\"x.","n":1}"#), r#"{"a":"is ***.","n":1}"#);
        assert_eq!(cut(r#"{"a":"ab"}"#), r#"{"a":"ab"}"#);
        assert_eq!(cut(r#"{"a":12345678}"#), "{}");
        let error = redaction.error(RpcError::new(1, "no 12345678"));
        assert_eq!(error.message, "no ***");
    }
}
