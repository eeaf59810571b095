//! Whether a trail is what was written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::source::Found;
use crate::audit::chain::{ChainFaultKind, ChainReport};
use crate::audit::checkpoint::{self, CHECKPOINT};
use crate::audit::{AuditPublicKey, AuditRecord, Head};
use crate::error::Result;
use crate::model::ProfileName;

/// The most faults that a report lists.
const MAX_FAULTS: usize = 100;

/// What a trail is compared with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Whose checkpoints count; without one, those of the key that they name.
    pub key: Option<AuditPublicKey>,
    /// A head that was noted elsewhere: the trail must hold it still.
    pub noted: Option<Head>,
}

impl VerifyOptions {
    /// Compared with nothing from outside.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compared with what is written as texts: a key as `ed25519:…`, a head as `17:4f…`.
    ///
    /// # Errors
    /// `InvalidInput` for what is no key or no head.
    pub fn parse(key: Option<&str>, noted: Option<&str>) -> Result<Self> {
        let key = key.map(str::parse).transpose()?;
        Ok(Self { key, noted: noted.map(str::parse).transpose()? })
    }

    /// Only checkpoints of this key count.
    #[must_use]
    pub fn with_key(mut self, key: AuditPublicKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The trail must hold this record still.
    #[must_use]
    pub fn with_noted(mut self, noted: Head) -> Self {
        self.noted = Some(noted);
        self
    }
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verification {
    /// Whether nothing is wrong.
    pub intact: bool,
    /// The files, oldest first.
    pub files: Vec<String>,
    /// The profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// How many records were checked.
    pub records: u64,
    /// The number of the first record; above 1 when older ones were dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// The newest record: what to note elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// How many checkpoints hold.
    pub checkpoints: u64,
    /// Up to which record they reach; what comes after can be replaced unseen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_up_to: Option<u64>,
    /// Who signed.
    pub keys: Vec<String>,
    /// Whether the key was given, and not only taken from the checkpoints themselves.
    pub key_was_given: bool,
    /// How many bytes at the end belong to no finished step: a crash left them, or a gateway writes just now. None of it was
    /// acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_bytes: Option<u64>,
    /// What is wrong, in the order it was met; at most 100 entries.
    pub faults: Vec<TrailFault>,
}

impl Verification {
    /// Of nothing.
    pub(super) fn empty() -> Self {
        Self {
            intact: false,
            files: Vec::new(),
            profile: None,
            records: 0,
            first: None,
            head: None,
            checkpoints: 0,
            signed_up_to: None,
            keys: Vec::new(),
            key_was_given: false,
            torn_bytes: None,
            faults: Vec::new(),
        }
    }
}

/// One thing that is wrong with a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TrailFault {
    /// The record at which it shows, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What it is, in a word: `edited`, `missing`, `out_of_order`, `unlinked`, `unreadable`, `checkpoint`, `beginning`,
    /// `truncated`, `replaced` or `damaged`.
    pub kind: &'static str,
    /// The same for people.
    pub message: String,
}

/// Checks what is found, one after the other.
#[derive(Debug)]
pub(super) struct Verifier<'a> {
    options: &'a VerifyOptions,
    chain: ChainReport,
    keys: BTreeSet<String>,
    /// The noted head, as long as it was not met.
    awaited: Option<&'a Head>,
    report: Verification,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(options: &'a VerifyOptions) -> Self {
        let report = Verification { key_was_given: options.key.is_some(), ..Verification::empty() };
        let awaited = options.noted.as_ref();
        Self { options, chain: ChainReport::default(), keys: BTreeSet::new(), awaited, report }
    }

    /// Names the files that are read.
    pub(super) fn read_from(&mut self, files: &[PathBuf]) {
        self.report.files = files.iter().map(|file| file.display().to_string()).collect();
    }

    pub(super) fn check(&mut self, found: Found) {
        match found {
            Found::Record(record) => self.record(&record),
            Found::Unreadable(sequence, why) => self.fault(sequence, "unreadable", format!("cannot be read: {why}")),
            Found::Torn(bytes) => self.report.torn_bytes = Some(bytes),
            Found::Damage(why) => self.fault(None, "damaged", why),
        }
    }

    fn record(&mut self, record: &AuditRecord) {
        let sequence = Some(record.sequence);
        let is_first = self.report.records == 0;
        self.report.records += 1;
        let event = &record.event;
        match &self.report.profile {
            None => self.report.profile = Some(event.profile.clone()),
            Some(profile) if *profile != event.profile => {
                let message = format!("belongs to profile `{}`", event.profile);
                self.fault(sequence, "replaced", message);
            }
            Some(_) => {}
        }
        let is_signed = event.action == CHECKPOINT && self.checkpoint(record);
        if is_first && record.sequence != 1 && !is_signed {
            self.fault(sequence, "beginning", "what came before is gone, and no checkpoint stands for it".to_owned());
        }
        let known = self.chain.faults.len();
        self.chain.check(record);
        for fault in self.chain.faults.split_off(known) {
            self.fault(Some(fault.sequence), fault.kind.as_str(), said(fault.kind));
        }
        if let Some(noted) = self.awaited.filter(|noted| noted.sequence == record.sequence) {
            self.awaited = None;
            if noted.hash != record.hash {
                self.fault(sequence, "replaced", "is another one than was noted".to_owned());
            }
        }
    }

    /// Whether a record is a checkpoint that holds.
    fn checkpoint(&mut self, record: &AuditRecord) -> bool {
        let sequence = Some(record.sequence);
        let (head, key) = match checkpoint::check(&record.event, record.text()) {
            Ok(checked) => checked,
            Err(why) => {
                self.fault(sequence, "checkpoint", format!("is a checkpoint that {why}"));
                return false;
            }
        };
        if self.options.key.is_some_and(|expected| expected != key) {
            self.fault(sequence, "checkpoint", format!("is a checkpoint of another key, {key}"));
            return false;
        }
        if head.sequence + 1 != record.sequence || head.hash != record.previous {
            self.fault(sequence, "checkpoint", "is a checkpoint of another record than the one before it".to_owned());
            return false;
        }
        self.keys.insert(key.to_string());
        self.report.checkpoints += 1;
        self.report.signed_up_to = Some(head.sequence);
        true
    }

    pub(super) fn finish(mut self) -> Verification {
        self.report.first = self.chain.first;
        self.report.head = self.chain.head.take().map(|(sequence, hash)| Head::new(sequence, hash));
        if let Some(noted) = self.awaited.take() {
            let last = self.report.head.as_ref().map_or(0, |head| head.sequence);
            if last < noted.sequence {
                let message = format!("the trail ends with {last}, and was noted up to {}", noted.sequence);
                self.fault(None, "truncated", message);
            } else if self.report.first.is_none_or(|first| first < noted.sequence) {
                self.fault(Some(noted.sequence), "missing", "was noted and is gone".to_owned());
            } else {
                // Dropped with what came before; the checkpoint at the beginning stands for it.
                tracing::info!(sequence = noted.sequence, "the noted record was dropped with the older ones");
            }
        }
        self.report.keys = self.keys.into_iter().collect();
        self.report.intact = self.report.faults.is_empty();
        self.report
    }

    fn fault(&mut self, sequence: Option<u64>, kind: &'static str, message: String) {
        if self.report.faults.len() < MAX_FAULTS {
            self.report.faults.push(TrailFault { sequence, kind, message });
        }
    }
}

fn said(kind: ChainFaultKind) -> String {
    match kind {
        ChainFaultKind::Edited => "its content is not the one that was hashed".to_owned(),
        ChainFaultKind::Missing(count) => format!("{count} records before it are gone"),
        ChainFaultKind::OutOfOrder => "stands after one with the same or a higher number".to_owned(),
        ChainFaultKind::Unlinked => "does not continue the one before it".to_owned(),
    }
}
