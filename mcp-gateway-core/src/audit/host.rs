//! Records that the host's own code keeps.

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{Mutex, Semaphore};

use super::{AuditEvent, AuditQuery, AuditRecord, AuditStore, KeptRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::model::HostCaller;

/// How many records wait for the one before them; further requests are refused.
const MAX_WAITING: usize = 1_024;

/// The most records that are asked for at once; more are asked for page by page.
const PAGE: usize = 10_000;

/// A store that hands finished records to an object of the host's language: `append(record)` and `query(query)`.
///
/// # Behavior
/// - A record is a [`KeptRecord`]. Numbers and hashes are given here, so that a host cannot break the chain by mistake; the
///   object keeps records as they are and gives them back as they were, oldest first.
/// - The query is `{"limit"}`, which asks for the newest, perhaps `"after"` and `"before"`, and whichever conditions are
///   set; an object may ignore every condition but `limit` and `before`: what does not match is left out here.
/// - One gateway writes into one object; the newest record is asked for once, at the first append.
/// - A record of which the object has not said that it is kept may be handed over once more, before the next one: it is
///   the same record, and not to be kept twice.
#[derive(Debug)]
pub struct HostAudit {
    caller: HostCaller,
    trail: Mutex<Trail>,
    waiting: Semaphore,
}

/// The end of the trail.
#[derive(Debug, Default)]
struct Trail {
    /// The number and hash of the newest record, once they are known.
    last: Option<(u64, String)>,
    /// The record that was handed over last, until the object says that it is kept.
    open: Option<KeptRecord>,
}

/// A query as the host sees it.
#[derive(Clone, Debug, Default, Serialize)]
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
    action: Option<&'a str>,
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
            action: query.action.as_deref(),
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
        Ok(Self { caller, trail: Mutex::default(), waiting: Semaphore::new(MAX_WAITING) })
    }

    async fn ask(&self, wanted: Wanted<'_>) -> Result<Vec<KeptRecord>> {
        self.caller.call("query", &[wanted]).await
    }

    async fn newest(&self) -> Result<(u64, String)> {
        let newest = self.ask(Wanted { limit: Some(1), ..Wanted::default() }).await?;
        let newest = newest.into_iter().max_by_key(|record| record.sequence);
        Ok(newest.map_or_else(|| (0, AuditRecord::GENESIS.to_owned()), |record| (record.sequence, record.hash)))
    }

    /// Hands over the record that is open.
    async fn hand_over(&self, trail: &mut Trail) -> Result<()> {
        let Some(record) = &trail.open else { return Ok(()) };
        self.caller.call::<serde::de::IgnoredAny>("append", &[record]).await.map_err(|cause| {
            Error::new(ErrorKind::Io, "the host's audit store did not keep the record")
                .with_operation("HostAudit::append")
                .with_source(cause)
        })?;
        trail.last = trail.open.take().map(|record| (record.sequence, record.hash));
        Ok(())
    }

    /// Finds out what became of a record whose end was not seen: the object may have kept it all the same.
    async fn settle(&self, trail: &mut Trail) -> Result<()> {
        let Some(open) = &trail.open else { return Ok(()) };
        let (after, before) = (Some(open.sequence - 1), Some(open.sequence + 1));
        let kept = self.ask(Wanted { after, before, limit: Some(1), ..Wanted::default() }).await?;
        match kept.into_iter().find(|kept| kept.sequence == open.sequence) {
            Some(kept) if kept.hash == open.hash => {
                trail.last = trail.open.take().map(|record| (record.sequence, record.hash));
                Ok(())
            }
            Some(_) => Err(Error::new(ErrorKind::Conflict, "the host's audit store has another record of that number")
                .with_operation("HostAudit::append")
                .with_context("sequence", open.sequence)),
            None => self.hand_over(trail).await,
        }
    }
}

#[async_trait]
impl AuditStore for HostAudit {
    async fn append(&self, event: AuditEvent) -> Result<u64> {
        let _place = self.waiting.try_acquire().map_err(|_| {
            Error::new(ErrorKind::Overloaded, "too many records wait for the host's audit store")
                .with_operation("HostAudit::append")
        })?;
        let late = |_| {
            Error::new(ErrorKind::Timeout, "the host's audit store is busy with the records before this one")
                .with_operation("HostAudit::append")
        };
        let mut trail = tokio::time::timeout(self.caller.timeout(), self.trail.lock()).await.map_err(late)?;
        self.settle(&mut trail).await?;
        let (sequence, hash) = match &trail.last {
            Some(known) => known.clone(),
            None => self.newest().await?,
        };
        let record = AuditRecord::seal(sequence + 1, &hash, event)?;
        // Open from here on: an append that fails or is dropped does not say whether the host has kept it.
        trail.open = Some(KeptRecord::of(&record));
        self.hand_over(&mut trail).await?;
        Ok(record.sequence)
    }

    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        let most = query.effective_limit();
        let mut wanted = Wanted { limit: Some(most.min(PAGE)), ..Wanted::from(query) };
        let mut found = Vec::new();
        loop {
            let mut page = self.ask(wanted.clone()).await?;
            let is_full = Some(page.len()) >= wanted.limit;
            // An object that does not look at `before` gives the same again.
            page.retain(|record| wanted.before.is_none_or(|before| record.sequence < before));
            let oldest = page.iter().map(|record| record.sequence).min();
            let records = page.into_iter().map(AuditRecord::try_from).collect::<Result<Vec<_>>>()?;
            found.extend(records.into_iter().filter(|record| query.matches(record)));
            match oldest {
                Some(oldest) if is_full && found.len() < most => wanted.before = Some(oldest),
                _ => break,
            }
        }
        found.sort_by_key(|record| record.sequence);
        let skip = found.len().saturating_sub(most);
        Ok(found.split_off(skip))
    }
}
