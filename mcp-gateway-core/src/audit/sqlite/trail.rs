//! One trail: its active file with what belongs to it, as its writer sees it.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::json;

use super::error::SqliteError;
use super::file::{self, Appended, Sign};
use super::segment::Segment;
use super::spill::{REJOIN, Spill};
use super::{Overload, SqliteAuditConfig, torn};
use crate::audit::AuditEvent;
use crate::audit::checkpoint::{Head, ITSELF};
use crate::error::{Error, Result};
use crate::model::ProfileName;
use crate::util::clock;
use crate::util::fs::{self, FileIdentity, FileLock};

/// How long records may wait for a checkpoint while others come.
const UNSIGNED_LIMIT: Duration = Duration::from_secs(5 * 60);

/// The trail that one thread writes.
#[derive(Debug)]
pub(super) struct Trail {
    connection: Connection,
    config: SqliteAuditConfig,
    identity: Option<FileIdentity>,
    spill: Option<Spill>,
    signed: Instant,
    /// Whether something was appended since the last checkpoint of this trail.
    is_open: bool,
}

impl Trail {
    /// Opens the file, says what an earlier writer left behind, and carries out what has become due meanwhile.
    pub(super) fn open(config: SqliteAuditConfig) -> Result<Self> {
        config.check()?;
        let (connection, torn) = file::open_for_append(&config)?;
        let identity = fs::identity(&config.path);
        let spill = (config.overload == Overload::Spill).then(|| Spill::beside(&config.path));
        let mut trail = Self { connection, config, identity, spill, signed: Instant::now(), is_open: false };
        if let Some(torn) = torn {
            trail.tell_torn(&torn)?;
        }
        trail.rejoin();
        trail.look_after();
        Ok(trail)
    }

    pub(super) fn spill(&self) -> Option<Spill> {
        self.spill.clone()
    }

    /// Writes a batch as one step; gives the number of its first record, or 0 when it went into the spill file.
    pub(super) fn write(&mut self, events: &[&str]) -> Result<u64> {
        let sign = if self.signed.elapsed() >= UNSIGNED_LIMIT { Sign::Now } else { Sign::WhenDue };
        match self.step(events, sign) {
            Ok(appended) => {
                self.rejoin();
                if appended.is_checkpoint {
                    self.look_after();
                }
                Ok(appended.first)
            }
            Err(error) => {
                let Some(spill) = &self.spill else { return Err(error) };
                tracing::error!(records = events.len(), error = %error.report(), "audit records go into the spill file");
                spill.keep(events.iter().copied()).map_err(|second| second.with_source(error))?;
                Ok(0)
            }
        }
    }

    /// Ends with a checkpoint, if there is something to sign.
    pub(super) fn close(&mut self) {
        if self.is_open
            && let Err(error) = self.step(&[], Sign::Now)
        {
            tracing::error!(error = %error.report(), "the audit trail could not be closed with a checkpoint");
        }
    }

    fn step(&mut self, events: &[&str], sign: Sign) -> Result<Appended> {
        let at = |error: SqliteError| error.at(&self.config.path);
        // SQLite would go on writing to a file that nobody can find any more.
        if fs::identity(&self.config.path) != self.identity {
            return Err(at(SqliteError::Replaced));
        }
        let signing = self.config.signing.as_ref();
        let appended = file::append(&mut self.connection, events.iter().copied(), signing, sign).map_err(at)?;
        self.is_open = !appended.is_checkpoint;
        if appended.is_checkpoint {
            self.signed = Instant::now();
            note(&self.config, &appended.head);
        }
        Ok(appended)
    }

    /// Gives what was spilled its place in the chain; what fails is tried again after the next record.
    fn rejoin(&mut self) {
        let Some(spill) = self.spill.clone().filter(Spill::exists) else { return };
        let joined = spill.take().and_then(|spilled| {
            let Some(spilled) = spilled else { return Ok(()) };
            // A process that died between both steps has left the file behind.
            if !self.has_joined(&spilled.digest)? {
                let record = spilled.record()?;
                let events: Vec<&str> = spilled.events.iter().map(String::as_str).chain([record.as_str()]).collect();
                self.step(&events, Sign::WhenDue)?;
                tracing::warn!(records = spilled.events.len(), "spilled audit records have joined the trail");
            }
            spilled.settle()
        });
        if let Err(error) = joined {
            tracing::error!(error = %error.report(), "spilled audit records could not join the trail yet");
        }
    }

    fn has_joined(&self, digest: &str) -> Result<bool> {
        let sql = "SELECT event ->> '$.detail.digest' FROM records WHERE event ->> '$.action' = ? ORDER BY sequence DESC LIMIT 1";
        let last = self.connection.query_row(sql, [REJOIN], |row| row.get::<_, Option<String>>(0)).optional();
        let last = last.map_err(|cause| SqliteError::from(cause).at(&self.config.path))?;
        Ok(last.flatten().as_deref() == Some(digest))
    }

    fn tell_torn(&mut self, torn: &torn::Torn) -> Result<()> {
        tracing::warn!(file = %self.config.path.display(), bytes = torn.bytes, "the audit file has a torn end");
        let Some(profile) = self.profile()? else { return Ok(()) };
        let mut event = AuditEvent::new(profile, ITSELF, "audit/torn");
        event.detail = Some(json!({"bytes": torn.bytes, "frames": torn.frames}));
        self.step(&[&event.into_text()?], Sign::WhenDue).map(|_| ())
    }

    /// The profile whose trail it is; unknown for one without checkpoints that is empty.
    fn profile(&self) -> Result<Option<ProfileName>> {
        if let Some(signing) = &self.config.signing {
            return Ok(Some(signing.profile.clone()));
        }
        let sql = "SELECT event ->> '$.profile' FROM records ORDER BY sequence DESC LIMIT 1";
        let name = self.connection.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).optional();
        let name = name.map_err(|cause| SqliteError::from(cause).at(&self.config.path))?;
        name.flatten().map(ProfileName::new).transpose()
    }

    /// Closes what is full, and drops what is old.
    fn look_after(&mut self) {
        let done = self.rotate().and_then(|()| self.retain());
        if let Err(error) = done {
            tracing::error!(error = %error.report(), "older audit records could not be moved");
        }
    }

    fn rotate(&mut self) -> Result<()> {
        let rotation = self.config.rotation;
        if !rotation.is_on() || !self.is_due(rotation.bytes, rotation.age)? {
            return Ok(());
        }
        // One process at a time: what another is just moving looks like what one that died has left behind.
        let _held = FileLock::acquire(&self.config.path)?;
        self.step(&[], Sign::Now)?;
        let path = self.config.path.clone();
        let at = |error: SqliteError| error.at(&path);
        let (first, checkpoint) = file::bounds(&self.connection).map_err(at)?;
        if checkpoint <= first {
            return Ok(());
        }
        for leftover in Segment::list(&path)?.iter().filter(|segment| segment.last > first) {
            fs::remove_file(&leftover.path)?;
        }
        let segment = Segment::of(&path, first, checkpoint, clock::now_millis());
        segment.write(|take| {
            file::each_until(&self.connection, checkpoint, |record| take(record).map_err(Moving::Write))
                .map_err(|error| error.at(&path))
        })?;
        if file::remove_before(&mut self.connection, first, checkpoint).map_err(at)? {
            tracing::info!(file = %segment.path.display(), "closed a part of the audit trail");
            return Ok(());
        }
        // Another process was faster.
        fs::remove_file(&segment.path)
    }

    fn is_due(&self, bytes: Option<u64>, age: Option<Duration>) -> Result<bool> {
        let at = |error: SqliteError| error.at(&self.config.path);
        if let Some(bytes) = bytes
            && file::used_bytes(&self.connection).map_err(at)? >= bytes
        {
            return Ok(true);
        }
        let (Some(age), Some(oldest)) = (age, file::oldest(&self.connection).map_err(at)?) else { return Ok(false) };
        Ok(clock::now_millis().saturating_sub(oldest) >= millis(age))
    }

    /// Says which closed files are dropped, in the trail itself, and then drops them.
    fn retain(&mut self) -> Result<()> {
        let (Some(retention), Some(signing)) = (self.config.retention, self.config.signing.clone()) else {
            return Ok(());
        };
        let before = clock::now_millis().saturating_sub(millis(retention));
        let _held = FileLock::acquire(&self.config.path)?;
        let old: Vec<Segment> =
            Segment::list(&self.config.path)?.into_iter().take_while(|segment| segment.closed < before).collect();
        if old.is_empty() {
            return Ok(());
        }
        let mut event = AuditEvent::new(signing.profile, ITSELF, "audit/drop");
        event.detail = Some(json!({
            "files": old.len(),
            "first": old.first().map(|segment| segment.first),
            "last": old.last().map(|segment| segment.last.saturating_sub(1)),
            "retentionSeconds": retention.as_secs(),
        }));
        self.step(&[&event.into_text()?], Sign::Now)?;
        old.iter().try_for_each(|segment| fs::remove_file(&segment.path))
    }
}

/// What can go wrong while records are moved: reading them, or writing them.
enum Moving {
    Read(SqliteError),
    Write(Error),
}

impl From<SqliteError> for Moving {
    fn from(error: SqliteError) -> Self {
        Self::Read(error)
    }
}

impl Moving {
    fn at(self, path: &std::path::Path) -> Error {
        match self {
            Self::Read(error) => error.at(path),
            Self::Write(error) => error,
        }
    }
}

/// Writes down beside the trail how far it goes, so that one that is cut off is found out.
fn note(config: &SqliteAuditConfig, head: &Head) {
    let path = super::head_file(&config.path);
    if let Err(error) = fs::write_atomic(&path, format!("{head}\n").as_bytes()) {
        tracing::warn!(error = %error.report(), "the newest checkpoint could not be noted beside the audit file");
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
