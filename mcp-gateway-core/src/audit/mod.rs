//! Audit: one append-only record per request.

mod memory;
mod record;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;

pub use memory::MemoryAudit;
pub use record::{AuditEvent, AuditQuery, AuditRecord, Outcome, argument_shape};

/// Keeps audit records.
///
/// # Behavior
/// - A record is kept once `append` returns; it is never changed.
/// - Sequence numbers rise by one from 1, and each record carries the hash of the one before.
#[async_trait]
pub trait AuditStore: fmt::Debug + Send + Sync + 'static {
    /// Appends a record and gives its sequence number.
    ///
    /// # Errors
    /// `Io` when it cannot be kept; the gateway then refuses the request.
    async fn append(&self, event: AuditEvent) -> Result<u64>;

    /// The records that match, oldest first.
    ///
    /// # Errors
    /// `Io` when the store cannot be read.
    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>>;
}
