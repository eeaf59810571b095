//! Where records are kept and how surely.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::audit::AuditKey;
use crate::audit::checkpoint::Signing;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ProfileName;

/// Where records are kept and how surely.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteAuditConfig {
    /// The file.
    pub path: PathBuf,
    /// What a record survives.
    pub durability: Durability,
    /// The size at which the file takes no further records; `None` leaves it to the disk.
    pub max_bytes: Option<u64>,
    /// What happens with records that cannot be written now.
    pub overload: Overload,
    /// When records are moved into closed files.
    pub rotation: Rotation,
    /// How long closed files are kept; `None` keeps them.
    pub retention: Option<Duration>,
    pub(super) signing: Option<Signing>,
}

/// What happens with a record that cannot be written now: the queue is full, the file is held, the disk is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overload {
    /// `append` waits, and fails in the end; the gateway then refuses the request.
    #[default]
    Block,
    /// It goes into `FILE.spill` and joins the chain later, with a record that says so; `append` gives 0 for it.
    Spill,
}

/// When records are moved into closed files; by default, never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// Once they take up so much room.
    pub bytes: Option<u64>,
    /// Once the oldest is so old.
    pub age: Option<Duration>,
}

impl Rotation {
    /// Once records take up so much room.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Once the oldest record is so old.
    #[must_use]
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Whether it ever happens.
    pub fn is_on(self) -> bool {
        self.bytes.is_some() || self.age.is_some()
    }
}

/// What a record survives once `append` has returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A crash of the gateway.
    #[default]
    Normal,
    /// Also a crash of the machine and a loss of power.
    Full,
}

impl SqliteAuditConfig {
    /// A file whose records survive a crash of the gateway, as large as the disk allows.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::Normal,
            max_bytes: None,
            overload: Overload::Block,
            rotation: Rotation::default(),
            retention: None,
            signing: None,
        }
    }

    /// Sets what a record survives.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the size at which the file takes no further records.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// Signs a checkpoint of this profile's trail after every so many records, and when the store is closed.
    #[must_use]
    pub fn with_checkpoints(mut self, profile: ProfileName, key: Arc<AuditKey>, every: u64) -> Self {
        self.signing = Some(Signing { profile, key, every: every.max(1) });
        self
    }

    /// Sets what happens with records that cannot be written now.
    #[must_use]
    pub fn with_overload(mut self, overload: Overload) -> Self {
        self.overload = overload;
        self
    }

    /// Sets when records are moved into closed files.
    #[must_use]
    pub fn with_rotation(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// Sets how long closed files are kept.
    #[must_use]
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Whether the settings go together.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |why, hint| Err(Error::new(ErrorKind::InvalidInput, why).with_hint(hint));
        if self.rotation.is_on() && self.signing.is_none() {
            return wrong("closed audit files need signed checkpoints to end with", "call `with_checkpoints`");
        }
        if self.retention.is_some() && !self.rotation.is_on() {
            return wrong("only closed audit files can be dropped, and none is ever closed", "set a rotation, too");
        }
        Ok(())
    }
}

impl From<&Path> for SqliteAuditConfig {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<PathBuf> for SqliteAuditConfig {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}
