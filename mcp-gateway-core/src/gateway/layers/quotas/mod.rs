//! Holds requests to the quotas of the profile.

mod meter;
mod quota;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;

use self::meter::{Meter, day_begins, day_of};
use self::quota::{Key, Quota};
use super::{Call, Service};
use crate::audit::{AuditQuery, AuditStore, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::profile::QuotaSpec;
use crate::protocol::{RawJson, Request, RequestKind, Response};
use crate::util::clock;

/// The most servers, principals and pairs that are told apart at once.
const MOST: usize = 10_000;

/// How many records are read at a time to find out what of a day's budget is used.
const PAGE: usize = 10_000;

/// The requests that are counted: those that make a server do something.
const COUNTED: [RequestKind; 5] = [
    RequestKind::CallTool,
    RequestKind::GetPrompt,
    RequestKind::ReadResource,
    RequestKind::Subscribe,
    RequestKind::Complete,
];

/// The quotas of a profile and what of them is used.
#[derive(Debug)]
pub(crate) struct Quotas {
    quotas: Vec<Quota>,
    meters: Mutex<HashMap<(usize, Key), Meter>>,
}

impl Quotas {
    /// Compiles quotas.
    ///
    /// # Errors
    /// `InvalidInput` for a rate or size that is none.
    pub(crate) fn new(specs: &[QuotaSpec]) -> Result<Self> {
        let quotas = specs.iter().map(Quota::of).collect::<Result<_>>()?;
        Ok(Self { quotas, meters: Mutex::default() })
    }

    /// Counts what the audit trail says of today, so that a new start gives no new budget.
    ///
    /// # Errors
    /// As [`AuditStore::query`].
    pub(crate) async fn restore(&self, store: &dyn AuditStore) -> Result<()> {
        if self.quotas.iter().all(|quota| quota.daily.is_none()) {
            return Ok(());
        }
        let now = clock::now_millis();
        let today = day_of(now);
        let mut query = AuditQuery { since: Some(day_begins(now)), limit: Some(PAGE), ..AuditQuery::all() };
        loop {
            // The newest first: a store gives the end of what matches.
            let records = store.query(&query).await?;
            for record in &records {
                let event = &record.event;
                let is_counted = COUNTED.iter().any(|kind| kind.method() == event.action)
                    && !matches!(event.outcome, Outcome::Denied | Outcome::Limited);
                if let Some(server) = event.server.as_ref().filter(|_| is_counted) {
                    self.count(server.as_str(), &event.principal, today);
                }
            }
            match records.first() {
                Some(first) if records.len() >= PAGE => query.before = Some(first.sequence),
                _ => return Ok(()),
            }
        }
    }

    fn count(&self, server: &str, principal: &str, today: i64) {
        let mut meters = self.meters();
        for (index, quota) in self.quotas.iter().enumerate().filter(|(_, quota)| quota.daily.is_some()) {
            if let Some(key) = quota.key(server, principal) {
                meters.entry((index, key)).or_default().count(today);
            }
        }
    }

    /// Counts a request in, if every quota that is about it lets it.
    fn enter(self: &Arc<Self>, server: &str, principal: &str) -> Result<Option<UnderWay>> {
        let keyed = |(index, quota): (usize, &Quota)| Some((index, quota.key(server, principal)?));
        let keys: Vec<_> =
            self.quotas.iter().enumerate().filter(|(_, quota)| quota.counts()).filter_map(keyed).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let (now, today) = (Instant::now(), day_of(clock::now_millis()));
        let mut meters = self.meters();
        make_room(&mut meters, keys.len(), now, today)?;
        for (index, key) in &keys {
            let quota = &self.quotas[*index];
            let meter = meters.entry((*index, key.clone())).or_default();
            if let Some(bound) = quota.concurrency.filter(|bound| meter.under_way >= *bound) {
                return Err(Quota::too_many(key, bound));
            }
            if let Some(budget) = quota.daily.filter(|budget| meter.used(today) >= *budget) {
                return Err(Quota::used_up(key, budget));
            }
            if let Some(rate) = quota.rate
                && let Some(wait) = meter.wait(rate, now)
            {
                return Err(Quota::too_fast(key, rate, wait));
            }
        }
        // Only a request that all let through is counted by any.
        for (index, key) in &keys {
            let quota = &self.quotas[*index];
            let Some(meter) = meters.get_mut(&(*index, key.clone())) else { continue };
            meter.under_way += 1;
            if quota.daily.is_some() {
                meter.count(today);
            }
            if let Some(rate) = quota.rate {
                meter.pass(rate, now);
            }
        }
        Ok(Some(UnderWay { quotas: Arc::clone(self), keys }))
    }

    /// The smallest of the sizes that a result may have.
    fn max_result(&self, server: &str, principal: &str) -> Option<u64> {
        let fits = |quota: &&Quota| quota.max_result.is_some() && quota.key(server, principal).is_some();
        self.quotas.iter().filter(fits).filter_map(|quota| quota.max_result).min()
    }

    fn meters(&self) -> MutexGuard<'_, HashMap<(usize, Key), Meter>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what matters no more; where that is not enough, whoever is new is refused.
fn make_room(meters: &mut HashMap<(usize, Key), Meter>, more: usize, now: Instant, today: i64) -> Result<()> {
    if meters.len() + more > MOST {
        meters.retain(|_, meter| !meter.is_spent(today, now));
    }
    if meters.len() + more > MOST {
        return Err(Error::new(ErrorKind::Overloaded, format!("{MOST} callers are being counted already"))
            .with_operation("QuotaLayer::call")
            .retry_later());
    }
    Ok(())
}

/// A request that is under way; counted out when it ends, however it ends.
struct UnderWay {
    quotas: Arc<Quotas>,
    keys: Vec<(usize, Key)>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut meters = self.quotas.meters();
        for key in &self.keys {
            if let Some(meter) = meters.get_mut(key) {
                meter.under_way = meter.under_way.saturating_sub(1);
            }
        }
    }
}

/// Refuses what is more than the quotas let through, and results that are larger.
#[derive(Debug)]
pub(crate) struct QuotaLayer<S> {
    pub(crate) inner: S,
    pub(crate) quotas: Arc<Quotas>,
}

#[async_trait]
impl<S: Service> Service for QuotaLayer<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        let target = call.request.target.clone().filter(|_| COUNTED.contains(&call.request.kind));
        let Some(target) = target.filter(|_| !self.quotas.quotas.is_empty()) else {
            return self.inner.call(ctx, call).await;
        };
        let (server, principal) = (target.server.as_str(), &*ctx.principal.name);
        let _under_way = self.quotas.enter(server, principal)?;
        let response = self.inner.call(ctx, call).await?;
        let Some(most) = self.quotas.max_result(server, principal) else { return Ok(response) };
        let size = response.result.as_ref().map_or(0, |result| result.get().len() as u64);
        if size <= most { Ok(response) } else { too_large(&call.request, &target.to_string(), size, most, response) }
    }
}

/// What takes the place of a result that is too large: the agent reads it where it would have read the result.
fn too_large(request: &Request, name: &str, size: u64, most: u64, response: Response) -> Result<Response> {
    let message = format!("the result of `{name}` is {size} bytes, and {most} are allowed");
    let hint = "ask for less: a page, a filter, fewer fields";
    if request.kind != RequestKind::CallTool {
        return Err(Error::new(ErrorKind::TooLarge, message).with_operation("QuotaLayer::call").with_hint(hint));
    }
    let text = format!("{message}. The tool has done its work, but its result was left out; {hint}.");
    let told = json!({"content": [{"type": "text", "text": text}], "isError": true});
    Ok(Response { served_by: response.served_by, ..Response::new(RawJson::from_value(&told)?) })
}
