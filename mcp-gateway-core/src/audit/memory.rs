//! Records that live in memory.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{AuditEvent, AuditQuery, AuditRecord, AuditStore};
use crate::error::{Error, ErrorKind, Result};

/// The most records that are kept: 100,000.
const CAPACITY: usize = 100_000;

/// A store for tests and examples; it refuses further records once it holds 100,000.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    records: Mutex<Vec<AuditRecord>>,
}

impl MemoryAudit {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl AuditStore for MemoryAudit {
    async fn append(&self, event: AuditEvent) -> Result<u64> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= CAPACITY {
            return Err(Error::new(ErrorKind::Overloaded, "in-memory audit is full")
                .with_hint("use a store that writes to disk, such as `SqliteAudit`"));
        }
        let sequence = records.len() as u64 + 1;
        let previous = records.last().map_or(AuditRecord::GENESIS, |record| &record.hash).to_owned();
        records.push(AuditRecord::seal(sequence, &previous, event)?);
        Ok(sequence)
    }

    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<_> = records.iter().filter(|record| query.matches(record)).cloned().collect();
        let skip = found.len().saturating_sub(query.effective_limit());
        Ok(found.into_iter().skip(skip).collect())
    }
}
