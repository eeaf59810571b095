//! Secrets, cut out of whatever flows between a server and a client.
#![doc = include_str!("docs.md")]

mod carry;
mod findings;
mod known;
mod link;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Fault, Result};
use crate::model::{Mask, SecretValue, Surface, find_tokens, plain_json, replaced};
use crate::profile::RedactionMode;
use crate::protocol::{RawJson, RawObject, RpcError};
use crate::transport::client::Authorization;

pub(crate) use carry::Carry;
pub(crate) use findings::{Findings, Kinds};
pub(crate) use known::Known;
pub(crate) use link::RedactedLink;
pub(crate) use rules::Rules;

/// What a secret of a server is called where something was found.
const OWN: &str = "secret";

/// What is looked for in what one running server sends and is sent.
#[derive(Debug)]
pub(crate) struct Redaction {
    /// The server's own secrets.
    values: Vec<SecretValue>,
    known: Arc<Known>,
    rules: Rules,
    /// Whose tokens change while the server runs.
    authorization: Option<Arc<dyn Authorization>>,
    /// Of what the mask was built.
    built: Mutex<Option<Built>>,
}

#[derive(Debug)]
struct Built {
    known: Arc<Mask>,
    sent: Vec<SecretValue>,
    mask: Arc<Mask>,
}

impl Redaction {
    /// Looks for these secrets, and for all that are known by then.
    pub(crate) fn new(values: &[SecretValue], known: &Arc<Known>, rules: Rules) -> Self {
        known.learn(values);
        Self { values: values.to_vec(), known: Arc::clone(known), rules, authorization: None, built: Mutex::new(None) }
    }

    /// Cuts out the tokens, too, that are sent meanwhile.
    pub(crate) fn with_authorization(mut self, authorization: Option<Arc<dyn Authorization>>) -> Self {
        self.authorization = authorization;
        self
    }

    /// The value without secrets; one without any is handed back untouched.
    pub(crate) fn json(&self, raw: RawJson) -> RawJson {
        let mut kinds = Kinds::default();
        let cut = self.cut(raw.get(), true, self.rules.results, &mut kinds);
        self.warn(&kinds, "what a server said");
        cut.map_or(raw, parsed)
    }

    /// A message that follows on others, with a text that may go on where theirs ended.
    pub(crate) fn part(&self, raw: RawJson, key: &str, carry: &Carry) -> RawJson {
        let text = raw.object().ok().and_then(|object| Some((object.text(key)?, object)));
        let completed = text.and_then(|(text, object)| Some((carry.next(&self.mask(), &text)?, object)));
        match completed {
            Some((rest, mut object)) => {
                object.set_text(key, &rest);
                self.json(object.to_raw())
            }
            None => self.json(raw),
        }
    }

    /// The result of a request without secrets, and what was found that looks like a token.
    ///
    /// # Errors
    /// `Denied` where a result with such a thing is to be withheld.
    pub(crate) fn result(&self, raw: RawJson, kinds: &mut Kinds) -> Result<RawJson> {
        let cut = self.cut(raw.get(), true, self.rules.results, kinds);
        self.warn(kinds, "a server's result");
        if self.rules.results == RedactionMode::Block && !kinds.is_empty() {
            return Err(Error::new(ErrorKind::Denied, format!("the result holds what looks like a secret: {kinds}"))
                .with_fault(Fault::Server)
                .with_hint(
                    "the profile withholds such results; `redaction: {results: redact}` would cut it out of them",
                ));
        }
        let raw = cut.map_or(raw, parsed);
        Ok(carry::cut_seams(&self.mask(), &raw).unwrap_or(raw))
    }

    /// What a client sends to the server, as the profile lets it through, and what was found in it.
    ///
    /// # Errors
    /// `Denied` where nothing with such a thing in it is sent.
    pub(crate) fn arguments(&self, params: RawObject, kinds: &mut Kinds) -> Result<RawObject> {
        let mode = self.rules.arguments;
        let mut checked = params;
        let members: Vec<(String, RawJson)> =
            checked.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        for (key, value) in members {
            if let Some(cut) = self.cut_arguments(&value, mode, kinds) {
                checked.set(&key, parsed(cut));
            }
        }
        if kinds.is_empty() {
            return Ok(checked);
        }
        self.warn(kinds, "what a client sent");
        if mode == RedactionMode::Block {
            return Err(Error::new(ErrorKind::Denied, format!("the request holds what looks like a secret: {kinds}"))
                .with_fault(Fault::Client)
                .with_hint("leave the secret out; a server gets its own secrets from the gateway"));
        }
        Ok(checked)
    }

    fn cut_arguments(&self, value: &RawJson, mode: RedactionMode, kinds: &mut Kinds) -> Option<String> {
        if mode == RedactionMode::Off {
            return None;
        }
        let plain = plain_json(value.get());
        let text = plain.as_deref().unwrap_or(value.get());
        let secrets = self.known.mask().find(text, true);
        if !secrets.is_empty() {
            kinds.note(OWN);
        }
        self.replace(text, secrets, mode, mode != RedactionMode::Warn, kinds)
    }

    /// The error without secrets.
    pub(crate) fn error(&self, mut error: RpcError) -> RpcError {
        error.message = self.text(error.message);
        error.data = error.data.map(|data| self.json(data));
        error
    }

    /// A text without secrets.
    pub(crate) fn text(&self, text: String) -> String {
        self.cut(&text, false, self.rules.results, &mut Kinds::default()).unwrap_or(text)
    }

    /// What may be recorded: nothing that is or looks like a secret, whatever happens to it otherwise.
    pub(crate) fn record(&self, raw: &RawJson) -> RawJson {
        self.cut(raw.get(), true, RedactionMode::Redact, &mut Kinds::default()).map_or_else(|| raw.clone(), parsed)
    }

    /// A text that may be recorded, such as the address of a resource.
    pub(crate) fn record_text(&self, text: String) -> String {
        self.cut(&text, false, RedactionMode::Redact, &mut Kinds::default()).unwrap_or(text)
    }

    /// What a server offers, without secrets; examples of tokens in descriptions stay, for they are what is recorded.
    pub(crate) fn surface(&self, mut surface: Surface) -> Surface {
        let lists = [&mut surface.tools, &mut surface.prompts, &mut surface.resources, &mut surface.resource_templates];
        for definition in lists.into_iter().flatten() {
            if let Some(json) = self.cut(&definition.json, true, RedactionMode::Off, &mut Kinds::default()) {
                definition.json = json;
            }
        }
        surface.instructions = surface.instructions.map(|instructions| self.text(instructions));
        surface
    }

    /// An error of a server without secrets.
    pub(crate) fn cut_out_of(&self, error: Error) -> Error {
        if self.cut(&error.report(), false, self.rules.results, &mut Kinds::default()).is_none() {
            return error;
        }
        // What else it says may hold them too.
        Error::new(error.kind(), self.text(error.to_string()))
    }

    /// The text without the server's secrets, and without what looks like one if the mode says so.
    fn cut(&self, text: &str, in_json: bool, mode: RedactionMode, kinds: &mut Kinds) -> Option<String> {
        let plain = if in_json { plain_json(text) } else { None };
        let text = plain.as_deref().unwrap_or(text);
        let places = self.mask().find(text, in_json);
        self.replace(text, places, mode, true, kinds)
    }

    fn replace(
        &self,
        text: &str,
        values: Vec<std::ops::Range<usize>>,
        mode: RedactionMode,
        cuts_values: bool,
        kinds: &mut Kinds,
    ) -> Option<String> {
        let mut places = if cuts_values { values } else { Vec::new() };
        if mode != RedactionMode::Off {
            for found in find_tokens(text).into_iter().filter(|found| self.rules.concern(found.kind)) {
                // A secret of the server that looks like one is cut out already.
                let is_known =
                    places.iter().any(|place| place.start <= found.place.start && place.end >= found.place.end);
                if !is_known {
                    kinds.note(found.kind);
                    if mode != RedactionMode::Warn {
                        places.push(found.place);
                    }
                }
            }
            places.sort_by_key(|place| place.start);
            places.dedup_by(|next, last| {
                let touches = next.start < last.end;
                if touches {
                    last.end = last.end.max(next.end);
                }
                touches
            });
        }
        replaced(text, &places)
    }

    /// What finds the secrets as they are known now.
    fn mask(&self) -> Arc<Mask> {
        let sent = self.authorization.as_ref().map(|authorization| authorization.sent()).unwrap_or_default();
        self.known.learn(&sent);
        let known = self.known.mask();
        let is_short = |value: &SecretValue| value.expose().len() < known::LIKELY;
        if !self.values.iter().chain(&sent).any(is_short) {
            return known;
        }
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = built.as_ref().filter(|built| Arc::ptr_eq(&built.known, &known) && built.sent == sent) {
            return Arc::clone(&built.mask);
        }
        let own: Vec<SecretValue> = self.values.iter().chain(&sent).cloned().collect();
        let mask = Arc::new(self.known.mask_with(&own));
        *built = Some(Built { known, sent, mask: Arc::clone(&mask) });
        mask
    }

    fn warn(&self, kinds: &Kinds, what: &str) {
        if !kinds.is_empty() {
            tracing::warn!(%kinds, "{what} holds what looks like a secret");
        }
    }
}

/// A secret that is a number stands outside of texts; what is no JSON without it is withheld whole.
fn parsed(text: String) -> RawJson {
    RawJson::parse(text).unwrap_or_else(|_| RawJson::empty_object())
}
