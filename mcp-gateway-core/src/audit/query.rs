//! Which records are wanted.

use serde::Deserialize;

use super::{AuditRecord, Outcome};
use crate::model::ServerName;

/// Which records are wanted; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditQuery {
    /// Not before this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Of this server.
    pub server: Option<ServerName>,
    /// Of this tool, prompt or resource.
    pub name: Option<String>,
    /// By this principal.
    pub principal: Option<String>,
    /// With this action, such as `tools/call` or `server/start`.
    pub action: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// After this sequence number.
    pub after: Option<u64>,
    /// Before this sequence number; with `after`, one page of a long trail.
    pub before: Option<u64>,
    /// The newest so many; `None`, and whatever is higher, is [`AuditQuery::MAX_RECORDS`].
    pub limit: Option<usize>,
}

impl AuditQuery {
    /// The most records that one query gives; more are read page by page, by `after` and `before`.
    pub const MAX_RECORDS: usize = 100_000;

    /// Every record.
    pub fn all() -> Self {
        Self::default()
    }

    /// The newest `limit` records.
    pub fn newest(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// The records with numbers above `after` and up to `count` further; sequence numbers have no gaps.
    pub fn page(after: u64, count: usize) -> Self {
        let before = after.saturating_add(1).saturating_add(count as u64);
        Self { after: Some(after), before: Some(before), ..Self::default() }
    }

    /// How many records are wanted at most.
    pub fn effective_limit(&self) -> usize {
        self.limit.unwrap_or(Self::MAX_RECORDS).min(Self::MAX_RECORDS)
    }

    /// Whether a record matches; `limit` does not count.
    pub fn matches(&self, record: &AuditRecord) -> bool {
        let event = &record.event;
        self.since.is_none_or(|since| event.time >= since)
            && self.server.as_ref().is_none_or(|server| event.server.as_ref() == Some(server))
            && self.name.as_ref().is_none_or(|name| event.name.as_ref() == Some(name))
            && self.principal.as_ref().is_none_or(|principal| event.principal == *principal)
            && self.action.as_ref().is_none_or(|action| event.action == *action)
            && self.outcome.is_none_or(|outcome| event.outcome == outcome)
            && self.after.is_none_or(|after| record.sequence > after)
            && self.before.is_none_or(|before| record.sequence < before)
    }
}
