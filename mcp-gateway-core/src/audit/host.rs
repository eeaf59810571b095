//! Records that the host's own code keeps.

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::Mutex;

use super::{AuditEvent, AuditQuery, AuditRecord, AuditStore, KeptRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::model::HostCaller;

/// A store that hands finished records to an object of the host's language: `append(record)` and `query(query)`.
///
/// # Behavior
/// - A record is a [`KeptRecord`]. Numbers and hashes are given here, so that a host cannot break the chain by mistake; the object keeps records as they are and
///   gives them back as they were, oldest first.
/// - The query is `{"after", "before", "limit"}` and whichever conditions are set; an object may ignore every condition
///   but `limit`, which asks for the newest: what does not match is left out here.
/// - One gateway writes into one object; the newest record is asked for once, at the first append.
#[derive(Debug)]
pub struct HostAudit {
    caller: HostCaller,
    /// The number and hash of the newest record, once they are known.
    last: Mutex<Option<(u64, String)>>,
}

/// A query as the host sees it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

impl<'a> From<&'a AuditQuery> for Wanted<'a> {
    fn from(query: &'a AuditQuery) -> Self {
        Self {
            since: query.since,
            server: query.server.as_ref().map(|server| server.as_str()),
            name: query.name.as_deref(),
            principal: query.principal.as_deref(),
            outcome: query.outcome.map(super::Outcome::as_str),
            after: query.after,
            before: query.before,
            limit: query.limit,
        }
    }
}

impl HostAudit {
    /// Hands records to this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has no methods `append` and `query`.
    pub fn new(caller: HostCaller) -> Result<Self> {
        caller.demand("an audit store", &["append", "query"])?;
        Ok(Self { caller, last: Mutex::new(None) })
    }

    async fn newest(&self) -> Result<(u64, String)> {
        let records: Vec<KeptRecord> =
            self.caller.call("query", &[Wanted { limit: Some(1), ..Wanted::default() }]).await?;
        let newest = records.into_iter().max_by_key(|record| record.sequence);
        Ok(newest.map_or_else(|| (0, AuditRecord::GENESIS.to_owned()), |record| (record.sequence, record.hash)))
    }
}

#[async_trait]
impl AuditStore for HostAudit {
    async fn append(&self, event: AuditEvent) -> Result<u64> {
        let mut last = self.last.lock().await;
        // Taken out: an append that fails or is dropped leaves open whether the host has kept the record, so the next one asks.
        let (sequence, hash) = match last.take() {
            Some(known) => known,
            None => self.newest().await?,
        };
        let record = AuditRecord::seal(sequence + 1, &hash, event)?;
        let kept = (record.sequence, record.hash.clone());
        self.caller.call::<serde::de::IgnoredAny>("append", &[KeptRecord::of(&record)]).await.map_err(|cause| {
            Error::new(ErrorKind::Io, "the host's audit store did not keep the record")
                .with_operation("HostAudit::append")
                .with_source(cause)
        })?;
        *last = Some(kept);
        Ok(record.sequence)
    }

    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        let kept: Vec<KeptRecord> = self.caller.call("query", &[Wanted::from(query)]).await?;
        let mut records = kept.into_iter().map(AuditRecord::try_from).collect::<Result<Vec<_>>>()?;
        records.retain(|record| query.matches(record));
        records.sort_by_key(|record| record.sequence);
        let skip = records.len().saturating_sub(query.effective_limit());
        Ok(records.split_off(skip))
    }
}
