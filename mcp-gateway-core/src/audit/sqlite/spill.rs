//! Records that could not be written, until they can.

use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::audit::AuditEvent;
use crate::audit::checkpoint::ITSELF;
use crate::error::Result;
use crate::model::ProfileName;
use crate::util::fs::{self, FileLock};

/// The largest spill file: 64 MiB.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The action of the record that says that spilled ones stand before it.
pub(super) const REJOIN: &str = "audit/rejoin";

/// The file beside a trail that takes what the trail cannot; one event on each line.
#[derive(Clone, Debug)]
pub(super) struct Spill {
    path: PathBuf,
}

/// What was spilled, held until it is settled.
#[derive(Debug)]
pub(super) struct Spilled {
    path: PathBuf,
    _held: FileLock,
    /// The events, in the order in which they came.
    pub(super) events: Vec<String>,
    /// The hash of the file, by which the same content is known again.
    pub(super) digest: String,
    /// Lines that are no event: the file was torn, or somebody else wrote into it.
    pub(super) unreadable: u64,
}

impl Spill {
    pub(super) fn beside(active: &Path) -> Self {
        let mut path = active.as_os_str().to_owned();
        path.push(".spill");
        Self { path: path.into() }
    }

    pub(super) fn exists(&self) -> bool {
        fs::exists(&self.path)
    }

    /// Keeps events, on disk when it returns.
    pub(super) fn keep<'a>(&self, events: impl Iterator<Item = &'a str>) -> Result<()> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(event);
            lines.push('\n');
        }
        let _held = FileLock::acquire(&self.path)?;
        fs::append(&self.path, lines.as_bytes(), MAX_BYTES)
            .map_err(|error| error.with_hint("free space on the disk, so that the audit trail can be written again"))
    }

    /// What is there, or `None`; nobody adds to it while it is held.
    pub(super) fn take(&self) -> Result<Option<Spilled>> {
        let held = FileLock::acquire(&self.path)?;
        let Some(bytes) = fs::read_bytes(&self.path, MAX_BYTES)? else { return Ok(None) };
        let mut events = Vec::new();
        let mut unreadable = 0;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // The last line of a file that was torn is no event, unless all of it is there.
            match std::str::from_utf8(line) {
                Ok(text) if serde_json::from_str::<AuditEvent>(text).is_ok() => events.push(text.to_owned()),
                _ => unreadable += 1,
            }
        }
        let digest = hex::encode(Sha256::digest(&bytes));
        Ok(Some(Spilled { path: self.path.clone(), _held: held, events, digest, unreadable }))
    }
}

impl Spilled {
    /// The record that says what was spilled; it stands after what it is about.
    pub(super) fn record(&self) -> Result<String> {
        let first = self.events.first().and_then(|event| serde_json::from_str::<AuditEvent>(event).ok());
        let profile = first.as_ref().map_or_else(|| ProfileName::new("default"), |first| Ok(first.profile.clone()))?;
        let mut event = AuditEvent::new(profile, ITSELF, REJOIN);
        event.detail = Some(json!({
            "digest": self.digest,
            "records": self.events.len(),
            "since": first.map(|first| first.time),
            "unreadable": self.unreadable,
        }));
        event.into_text()
    }

    /// Removes the file: everything in it has its place in the chain.
    pub(super) fn settle(self) -> Result<()> {
        fs::remove_file(&self.path)
    }
}
