//! What a server says, without the secrets that were sent to it.

use std::sync::Arc;

use super::Diagnostics;
use crate::model::{Mask, SecretValue};
use crate::transport::client::Authorization;

/// How much of a server's text an error shows.
const EXCERPT_CHARS: usize = 200;

/// Cuts secrets out of what a server says back.
#[derive(Clone, Debug)]
pub(in crate::transport::client) struct Redactor {
    secrets: Arc<[SecretValue]>,
    authorization: Option<Arc<dyn Authorization>>,
    diagnostics: Arc<Diagnostics>,
}

impl Redactor {
    /// Cuts out these secrets, the tokens that are sent, and what the diagnostics know.
    pub(super) fn new(
        secrets: Vec<SecretValue>,
        authorization: Option<Arc<dyn Authorization>>,
        diagnostics: Arc<Diagnostics>,
    ) -> Self {
        Self { secrets: secrets.into(), authorization, diagnostics }
    }

    /// The beginning of a server's text, fit to be shown.
    pub(in crate::transport::client) fn excerpt(&self, text: &[u8]) -> String {
        let text = self.redact(text);
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ").chars().take(EXCERPT_CHARS).collect()
    }

    /// Keeps what was no message in the diagnostics.
    pub(super) fn note(&self, text: &[u8]) {
        self.diagnostics.note_line(self.redact(text).as_bytes());
    }

    fn redact(&self, text: &[u8]) -> String {
        let text = self.diagnostics.redact(&String::from_utf8_lossy(text));
        let sent = self.authorization.as_ref().map(|authorization| authorization.sent()).unwrap_or_default();
        let secrets = || self.secrets.iter().chain(&sent);
        let text = Mask::new(secrets()).cut(&text).unwrap_or(text);
        secrets().fold(text, |text, secret| text.replace(secret.expose(), "***"))
    }
}
