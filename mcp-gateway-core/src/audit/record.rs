//! An event in its place in the chain.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::AuditEvent;
use crate::error::{Error, ErrorKind, Result};

/// An event in its place in the chain.
///
/// # Behavior
/// - The hash is over the event's JSON text as it is kept, so that a record stays verifiable for versions that know
///   more or fewer fields.
/// - As JSON: `{"sequence", "previous", "hash", "event"}`, where `event` is exactly the text that was hashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// The hash of the record before; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over the number (8 bytes, big-endian), the hash before (as text) and the event's JSON text, in hex.
    pub hash: String,
    /// What happened.
    pub event: AuditEvent,
    /// The event's JSON as it is kept.
    text: String,
}

/// The JSON form of a record.
#[derive(Serialize, Deserialize)]
struct Written {
    sequence: u64,
    previous: String,
    hash: String,
    event: Box<RawValue>,
}

impl AuditRecord {
    /// The `previous` of the first record.
    pub const GENESIS: &'static str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// Gives an event its place after the record with hash `previous`; texts longer than a record may hold are cut.
    ///
    /// # Errors
    /// `Internal` when the event has no JSON form.
    pub fn seal(sequence: u64, previous: &str, event: AuditEvent) -> Result<Self> {
        let event = event.bounded();
        let text = event.clone().into_text()?;
        let hash = Self::hash_of(sequence, previous, &text);
        Ok(Self { sequence, previous: previous.to_owned(), hash, event, text })
    }

    /// A record as it was kept.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the record, when its event cannot be read.
    pub(super) fn from_kept(sequence: u64, previous: String, hash: String, text: String) -> Result<Self> {
        let event = serde_json::from_str(&text).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, "audit record cannot be read")
                .with_context("record", sequence)
                .with_source(cause)
        })?;
        Ok(Self { sequence, previous, hash, event, text })
    }

    /// The event's JSON as it is kept and hashed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the hash is the one of this content, and the event is what its text says.
    pub fn is_intact(&self) -> bool {
        let is_event = || {
            // A number may be read back as its neighbour, so either direction counts.
            serde_json::to_string(&self.event).is_ok_and(|text| text == self.text)
                || serde_json::from_str::<AuditEvent>(&self.text).is_ok_and(|event| event == self.event)
        };
        self.hash == Self::hash_of(self.sequence, &self.previous, &self.text) && is_event()
    }

    /// The hash of a record with this content.
    pub(super) fn hash_of(sequence: u64, previous: &str, text: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(sequence.to_be_bytes());
        hasher.update(previous.as_bytes());
        hasher.update(text.as_bytes());
        hex::encode(hasher.finalize())
    }
}

/// A record for whoever cannot keep JSON as it was written: the event stands in it as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptRecord {
    /// Its number, from 1.
    pub sequence: u64,
    /// The hash of the record before.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
    /// The event's JSON as it was hashed.
    pub text: String,
}

impl KeptRecord {
    /// The record in this form.
    pub fn of(record: &AuditRecord) -> Self {
        let AuditRecord { sequence, previous, hash, text, .. } = record.clone();
        Self { sequence, previous, hash, text }
    }
}

impl TryFrom<KeptRecord> for AuditRecord {
    type Error = Error;

    fn try_from(kept: KeptRecord) -> Result<Self> {
        Self::from_kept(kept.sequence, kept.previous, kept.hash, kept.text)
    }
}

impl TryFrom<Written> for AuditRecord {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        Self::from_kept(written.sequence, written.previous, written.hash, written.event.get().to_owned())
    }
}

impl From<AuditRecord> for Written {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { sequence, previous, hash, text, .. } = record;
        // The text was made or read by a JSON library; should it not be JSON after all, the record shows `null` and
        // does not verify.
        let event = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { sequence, previous, hash, event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileName;

    fn record() -> AuditRecord {
        let mut event = AuditEvent::new(ProfileName::new("p").unwrap(), "local", "tools/call");
        event.arguments = Some(serde_json::json!({"x": 0.1 + 0.2, "big": u64::MAX}));
        AuditRecord::seal(1, AuditRecord::GENESIS, event).unwrap()
    }

    #[test]
    fn an_edit_breaks_the_hash() {
        assert!(record().is_intact());
        let edits: [fn(&mut AuditRecord); 5] = [
            |record| record.event.principal = "other".to_owned(),
            |record| record.text = record.text.replace("local", "other"),
            |record| record.sequence = 2,
            |record| record.previous = record.hash.clone(),
            |record| record.hash = record.previous.clone(),
        ];
        for edit in edits {
            let mut record = record();
            edit(&mut record);
            assert!(!record.is_intact());
        }
    }

    #[test]
    fn json_keeps_the_hashed_text_and_fields_of_other_versions() {
        let record = record();
        let json = serde_json::to_string(&record).unwrap();
        let back: AuditRecord = serde_json::from_str(&json).unwrap();
        assert!(back.is_intact());
        assert_eq!(back.text(), record.text());

        let text = record.text().replacen('{', r#"{"fromTheFuture":1,"#, 1);
        let hash = AuditRecord::hash_of(1, AuditRecord::GENESIS, &text);
        let newer = AuditRecord::from_kept(1, AuditRecord::GENESIS.to_owned(), hash, text).unwrap();
        assert!(newer.is_intact());
        assert!(serde_json::to_string(&newer).unwrap().contains("fromTheFuture"));
    }
}
