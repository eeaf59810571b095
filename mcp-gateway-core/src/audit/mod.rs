//! Audit: one append-only record per request.
#![doc = include_str!("docs.md")]

mod chain;
#[cfg(feature = "audit-sqlite")]
mod checkpoint;
mod event;
mod hash;
mod host;
#[cfg(feature = "audit-sqlite")]
mod key;
mod memory;
#[cfg(feature = "audit-sqlite")]
mod offline;
mod query;
mod record;
#[cfg(feature = "audit-seal")]
mod seal;
mod shape;
#[cfg(feature = "audit-sqlite")]
mod sqlite;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;

pub use chain::{ChainFault, ChainFaultKind, ChainReport, verify_chain};
#[cfg(feature = "audit-sqlite")]
pub use checkpoint::Head;
pub use event::{AuditEvent, Outcome};
pub use hash::payload_hash;
pub use host::HostAudit;
#[cfg(feature = "audit-sqlite")]
pub use key::{AuditKey, AuditPublicKey};
pub use memory::MemoryAudit;
#[cfg(feature = "audit-sqlite")]
pub use offline::{
    AuditReport, Entries, Entry, ExportFormat, FileCommand, ReportFormat, ServerUse, TrailFault, Uses, Verification,
    VerifyOptions, export, export_store, report, report_store, verify, verify_store,
};
pub use query::AuditQuery;
pub use record::{AuditRecord, KeptRecord};
#[cfg(feature = "audit-seal")]
pub use seal::{PayloadSeal, open_sealed};
pub use shape::argument_shape;
#[cfg(feature = "audit-sqlite")]
pub use sqlite::{Durability, Overload, Rotation, SqliteAudit, SqliteAuditConfig};

/// Keeps audit records.
///
/// # Behavior
/// - A record is kept once `append` returns; it is never changed.
/// - Sequence numbers rise by one from 1, and each record carries the hash of the one before.
/// - Texts and arguments that are longer than a record may hold are cut, and say so.
/// - One query gives at most [`AuditQuery::MAX_RECORDS`] records.
#[async_trait]
pub trait AuditStore: fmt::Debug + Send + Sync + 'static {
    /// Appends a record and gives its sequence number; 0 for one that is kept, and gets its number later.
    ///
    /// # Errors
    /// `Io` when it cannot be kept, `Timeout` when that takes too long, `Overloaded` when the store is full; the gateway
    /// then refuses the request.
    async fn append(&self, event: AuditEvent) -> Result<u64>;

    /// Signs what was appended so far, in a store that signs; called when a gateway has ended.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    async fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    /// The records that match, oldest first.
    ///
    /// # Errors
    /// `Io` when the store cannot be read, `InvalidConfig` when it is damaged, `Timeout` when that takes too long.
    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>>;
}
