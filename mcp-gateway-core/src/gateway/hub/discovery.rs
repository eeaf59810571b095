//! Getting to know servers that were never seen, for all who ask for a list meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::Hub;
use super::slot::Slot;
use crate::model::{CallContext, ServerName};
use crate::profile::Isolation;

/// Servers that were started only to be seen are kept for their session up to this number.
const KEPT: usize = 4;

/// The discovery under way, if one is.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    running: Mutex<Option<watch::Receiver<bool>>>,
}

impl Hub {
    /// Starts the servers that were never seen and reads what they offer; waits for them as long as a list may.
    ///
    /// What comes later is shown by `list_changed`.
    pub(super) async fn discover(&self, ctx: &CallContext) {
        let Some(mut done) = self.begin_discovery(ctx) else { return };
        // Whatever is known when the time is up is what the list shows.
        let _ = ctx
            .bounded(self.options.list_wait, async {
                let _ = done.wait_for(|done| *done).await;
                Ok(())
            })
            .await;
    }

    fn begin_discovery(&self, ctx: &CallContext) -> Option<watch::Receiver<bool>> {
        let mut running = self.discovery.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = running.as_ref().filter(|done| !*done.borrow()) {
            return Some(done.clone());
        }
        let unseen: Vec<_> = self.slots().values().filter(|slot| is_unseen(slot)).cloned().collect();
        if unseen.is_empty() {
            return None;
        }
        let hub = self.this.upgrade()?;
        let (sender, done) = watch::channel(false);
        *running = Some(done.clone());
        let mut ctx = ctx.clone();
        // The one who asked first may give up; others wait for the same discovery.
        ctx.cancellation = self.closing.child_token();
        ctx.deadline = None;
        self.tasks.spawn(async move {
            hub.see_all(&ctx, unseen).await;
            hub.publish().await;
            hub.changed.notify_one();
            sender.send_replace(true);
        });
        Some(done)
    }

    async fn see_all(&self, ctx: &CallContext, unseen: Vec<Arc<Slot>>) {
        let keep = unseen.len() <= KEPT;
        let mut waiting = unseen.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.options.start_concurrency
                && let Some(slot) = waiting.next()
            {
                under_way.push(self.see(ctx, slot, keep));
            }
            if under_way.next().await.is_none() {
                return;
            }
        }
    }

    async fn see(&self, ctx: &CallContext, slot: Arc<Slot>, keep: bool) {
        let single = slot.body.as_ref().is_ok_and(|body| body.settings.isolation == Isolation::Call);
        // A failure is kept with the slot and shown with its reason.
        let seen = if single { self.take_single(ctx, &slot).await } else { self.acquire(ctx, &slot).await };
        let Ok(instance) = seen else { return };
        instance.leave();
        if single || (!keep && slot.take(&instance)) {
            self.retire(&slot, instance);
        }
    }

    /// The servers that cannot be listed now, each with its reason; what a scope shuts out is not there at all.
    pub(super) fn unavailable(&self) -> Vec<(ServerName, String)> {
        let reason = |slot: &Arc<Slot>| {
            let failure = slot.health().last().map(ToString::to_string);
            match &slot.body {
                Err(error) => Some(error.to_string()),
                Ok(_) if slot.has_surface() => None,
                Ok(_) => Some(failure.unwrap_or_else(|| "it is still starting".to_owned())),
            }
        };
        let slots = self.slots();
        let known = slots.values().filter(|slot| !slot.is_shut_out());
        known.filter_map(|slot| Some((slot.name.clone(), reason(slot)?))).collect()
    }
}

fn is_unseen(slot: &Slot) -> bool {
    slot.body.is_ok() && !slot.has_surface() && slot.health().refusal().is_none()
}
