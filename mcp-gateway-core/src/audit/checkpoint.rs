//! Signed statements about the trail up to a record.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AuditEvent, AuditKey, AuditPublicKey};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;

/// The action of a record that is a checkpoint.
pub(crate) const CHECKPOINT: &str = "audit/checkpoint";
/// Who appends what the trail says of itself.
pub(crate) const ITSELF: &str = "gateway";

/// Up to where a trail goes: the number and hash of a record; written as `17:4f…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// The record's number.
    pub sequence: u64,
    /// The record's hash.
    pub hash: String,
}

impl Head {
    /// A record by its number and hash.
    pub fn new(sequence: u64, hash: impl Into<String>) -> Self {
        Self { sequence, hash: hash.into() }
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.trim().split_once(':').and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash)));
        let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match parts.filter(|(_, hash)| is_hash(hash)) {
            Some((sequence, hash)) => Ok(Self::new(sequence, hash)),
            None => Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is not the head of an audit trail"))
                .with_hint("write it as `mcp-gateway audit head` prints it: a number, `:` and 64 hex digits")),
        }
    }
}

/// Who signs the checkpoints of which trail, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signing {
    pub(crate) profile: ProfileName,
    pub(crate) key: Arc<AuditKey>,
    /// After so many records.
    pub(crate) every: u64,
}

impl Signing {
    /// The checkpoint of everything up to this record.
    pub(crate) fn checkpoint(&self, head: &Head) -> AuditEvent {
        let mut event = AuditEvent::new(self.profile.clone(), ITSELF, CHECKPOINT);
        let signature = self.key.sign(&message(&self.profile, event.time, head));
        event.detail = Some(detail(head, &self.key.public(), &signature));
        event
    }
}

/// What a checkpoint says of itself.
#[derive(Deserialize)]
struct Claim {
    sequence: u64,
    hash: String,
    key: String,
    signature: String,
}

fn detail(head: &Head, key: &AuditPublicKey, signature: &str) -> serde_json::Value {
    // In the order of the alphabet: a build whose maps keep their order writes the same text as one that sorts.
    json!({"hash": head.hash, "key": key.to_string(), "sequence": head.sequence, "signature": signature})
}

/// What is signed: every part on a line of its own, none of which can hold a line's end.
fn message(profile: &ProfileName, time: i64, head: &Head) -> Vec<u8> {
    let Head { sequence, hash } = head;
    format!("mcp-gateway audit checkpoint 1\n{profile}\n{time}\n{sequence}\n{hash}\n").into_bytes()
}

/// What a checkpoint is of, and who signed it.
///
/// # Errors
/// Why it is none: a checkpoint says exactly what its signer wrote, so that not even its last one can be edited.
pub(crate) fn check(event: &AuditEvent, text: &str) -> std::result::Result<(Head, AuditPublicKey), &'static str> {
    let claim = event.detail.clone().and_then(|detail| serde_json::from_value::<Claim>(detail).ok());
    let claim = claim.ok_or("says nothing that could be checked")?;
    let key: AuditPublicKey = claim.key.parse().map_err(|_| "names no key")?;
    let head = Head::new(claim.sequence, claim.hash);
    if !key.has_signed(&message(&event.profile, event.time, &head), &claim.signature) {
        return Err("has a signature that is not of this content");
    }
    let mut written = AuditEvent::new(event.profile.clone(), ITSELF, CHECKPOINT);
    written.time = event.time;
    written.detail = Some(detail(&head, &key, &claim.signature));
    match written.into_text() {
        Ok(written) if written == text => Ok((head, key)),
        _ => Err("says more than its signer wrote"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_holds_for_what_it_says_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let key = Arc::new(AuditKey::open(&folder.path().join("key")).unwrap());
        let signing = Signing { profile: "dev".parse().unwrap(), key: Arc::clone(&key), every: 10 };
        let head = Head::new(7, "a".repeat(64));
        let text = signing.checkpoint(&head).into_text().unwrap();
        let event: AuditEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(check(&event, &text), Ok((head.clone(), key.public())));

        for (old, new) in
            [("\"dev\"", "\"prod\""), ("\"sequence\":7", "\"sequence\":8"), ("aaaa", "aaab"), ("gateway", "someone")]
        {
            let edited = text.replacen(old, new, 1);
            assert_ne!(edited, text);
            assert!(check(&serde_json::from_str(&edited).unwrap(), &edited).is_err(), "{edited}");
        }
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
        for text in ["", "7", "7:abc", "x:aaaa", &format!("7:{}", "A".repeat(64))] {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
    }
}
