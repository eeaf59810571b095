//! Where records are kept and how surely.

use std::path::{Path, PathBuf};

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
        Self { path: path.into(), durability: Durability::Normal, max_bytes: None }
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
