//! One quota, compiled.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{QuotaSpec, Rate};
use crate::util::pattern::Pattern;

/// Whom something is counted for: the names that a quota tells apart.
pub(super) type Key = (Option<String>, Option<String>);

/// A bound, and whom it counts.
#[derive(Debug)]
pub(super) struct Quota {
    server: Option<Pattern>,
    principal: Option<Pattern>,
    pub(super) rate: Option<Rate>,
    pub(super) concurrency: Option<u32>,
    pub(super) daily: Option<u64>,
    pub(super) max_result: Option<u64>,
}

impl Quota {
    pub(super) fn of(spec: &QuotaSpec) -> Result<Self> {
        Ok(Self {
            server: spec.server.as_ref().map(Pattern::new),
            principal: spec.principal.as_ref().map(Pattern::new),
            rate: spec.rate()?,
            concurrency: spec.concurrency,
            daily: spec.daily,
            max_result: spec.max_result_bytes()?,
        })
    }

    /// Whom a request is counted for; `None` when this is about others.
    pub(super) fn key(&self, server: &str, principal: &str) -> Option<Key> {
        let part = |pattern: &Option<Pattern>, name: &str| match pattern {
            Some(pattern) => pattern.matches(name).then(|| Some(name.to_owned())),
            None => Some(None),
        };
        Some((part(&self.server, server)?, part(&self.principal, principal)?))
    }

    /// Whether it has to remember anything between requests.
    pub(super) fn counts(&self) -> bool {
        self.rate.is_some() || self.concurrency.is_some() || self.daily.is_some()
    }

    pub(super) fn too_fast(key: &Key, rate: Rate, wait: Duration) -> Error {
        let period = humantime::format_duration(rate.period);
        // Whole seconds, rounded up, for whoever reads it.
        let wait = humantime::format_duration(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        refused(format!("more than {} requests{} in {period}", rate.count, whose(key)))
            .with_context("retry after", &wait)
            .with_hint(format!("try again in {wait}"))
            .retry_later()
    }

    pub(super) fn too_many(key: &Key, bound: u32) -> Error {
        refused(format!("{bound} requests{} are under way already", whose(key)))
            .with_hint("try again when one of them has ended")
            .retry_later()
    }

    pub(super) fn used_up(key: &Key, budget: u64) -> Error {
        refused(format!("the daily budget of {budget} requests{} is used up", whose(key)))
            .with_hint("it begins anew at 00:00 UTC; the operator can raise `daily` in the profile's `quotas`")
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Overloaded, message).with_operation("QuotaLayer::call")
}

fn whose(key: &Key) -> String {
    match key {
        (Some(server), Some(principal)) => format!(" to `{server}` by `{principal}`"),
        (Some(server), None) => format!(" to `{server}`"),
        (None, Some(principal)) => format!(" by `{principal}`"),
        (None, None) => String::new(),
    }
}
