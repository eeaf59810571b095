//! Started, initialised, paused servers that wait for one call each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Hub;
use super::instance::Instance;
use super::slot::Slot;
use crate::error::Result;
use crate::model::CallContext;
use crate::protocol::ClientCapabilities;

/// The waiting servers of one slot.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Arc<Instance>>,
    filling: usize,
}

impl Pool {
    /// Takes one that was told of a client that can do this.
    fn pop(&self, capabilities: &ClientCapabilities) -> Option<Arc<Instance>> {
        let waiting = &mut self.locked().waiting;
        let place = waiting.iter().position(|instance| instance.capabilities == *capabilities)?;
        waiting.remove(place)
    }

    /// Takes out the oldest that was told of other clients, where there is no room for what is asked for now.
    fn take_other(&self, capabilities: &ClientCapabilities, size: usize) -> Option<Arc<Instance>> {
        let mut inner = self.locked();
        if inner.waiting.len() + inner.filling < size {
            return None;
        }
        let place = inner.waiting.iter().position(|instance| instance.capabilities != *capabilities)?;
        inner.waiting.remove(place)
    }

    /// Reserves a place for a server to come, if there is room.
    fn reserve(&self, size: usize) -> bool {
        let mut inner = self.locked();
        let room = inner.waiting.len() + inner.filling < size;
        inner.filling += usize::from(room);
        room
    }

    fn fill(&self, instance: Option<Arc<Instance>>) {
        let mut inner = self.locked();
        inner.filling = inner.filling.saturating_sub(1);
        inner.waiting.extend(instance);
    }

    pub(super) fn waiting(&self) -> Vec<Arc<Instance>> {
        self.locked().waiting.iter().cloned().collect()
    }

    pub(super) fn take_all(&self) -> Vec<Arc<Instance>> {
        self.locked().waiting.drain(..).collect()
    }

    pub(super) fn take_spent(&self, spent: &dyn Fn(&Instance) -> bool) -> Vec<Arc<Instance>> {
        let mut inner = self.locked();
        let (taken, kept) = inner.waiting.drain(..).partition(|instance| spent(instance));
        inner.waiting = kept;
        Vec::from(taken)
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// A server for one call: a waiting one if there is one, a fresh one otherwise.
    pub(super) async fn take_single(&self, ctx: &CallContext, slot: &Arc<Slot>) -> Result<Arc<Instance>> {
        // A task would end with the server that is there for one call only.
        let capabilities = self.sessions.capabilities(ctx.session.as_ref()).without_tasks();
        let taken = loop {
            let Some(instance) = slot.pool.pop(&capabilities) else { break None };
            if !instance.peer.is_closed() && instance.runtime.unpause(&instance.id).await.is_ok() {
                break Some(instance);
            }
            self.retire(slot, instance);
        };
        let instance = match taken {
            Some(instance) => instance,
            None => {
                if let Some(other) = slot.pool.take_other(&capabilities, self.options.pool_size) {
                    self.retire(slot, other);
                }
                self.start_single(ctx, slot, &capabilities).await?
            }
        };
        instance.enter();
        self.refill(slot, &capabilities);
        Ok(instance)
    }

    /// Starts what is missing in the pool, off the response path.
    fn refill(&self, slot: &Arc<Slot>, capabilities: &ClientCapabilities) {
        while !self.closing.is_cancelled() && slot.pool.reserve(self.options.pool_size) {
            let (Some(hub), slot) = (self.this.upgrade(), Arc::clone(slot)) else { return };
            let capabilities = capabilities.clone();
            self.tasks.spawn(async move {
                let instance = hub.fill_one(&slot, capabilities).await;
                slot.pool.fill(instance);
                if hub.closing.is_cancelled() || !hub.holds(&slot) {
                    for instance in slot.pool.take_all() {
                        hub.retire(&slot, instance);
                    }
                }
            });
        }
    }

    async fn fill_one(&self, slot: &Arc<Slot>, capabilities: ClientCapabilities) -> Option<Arc<Instance>> {
        if slot.health().refusal().is_some() {
            return None;
        }
        let instance = self.start_instance(slot, None, capabilities).await.ok()?;
        // A server that cannot be paused waits awake, which costs a little processor time and nothing else.
        if let Err(error) = instance.runtime.pause(&instance.id).await {
            tracing::debug!(error = %error.report(), "server waits without being paused");
        }
        Some(instance)
    }

    /// Starts a server for one call; the start goes on to its end if the caller gives up, and is then thrown away.
    async fn start_single(
        &self,
        ctx: &CallContext,
        slot: &Arc<Slot>,
        capabilities: &ClientCapabilities,
    ) -> Result<Arc<Instance>> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (Some(hub), task_slot) = (self.this.upgrade(), Arc::clone(slot)) else {
            return Err(super::start::closing());
        };
        let capabilities = capabilities.clone();
        self.tasks.spawn(async move {
            let started = hub.start_instance(&task_slot, None, capabilities).await;
            if let Err(Ok(instance)) = sender.send(started) {
                hub.retire(&task_slot, instance);
            }
        });
        let wait = super::start::wait_limit(slot);
        ctx.bounded(wait, async { receiver.await.unwrap_or_else(|_| Err(super::start::closing())) }).await
    }
}
