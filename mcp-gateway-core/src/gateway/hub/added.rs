//! Servers that a session has added for itself: no other session knows of them, and they end with it.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::own::Own;
use super::{GatewayEvent, Hub, Slot, Slots};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ServerKind, ServerName, SessionId};
use crate::profile::Isolation;

/// How many servers one session may add.
pub(crate) const MOST: usize = 32;

impl Hub {
    /// The servers of a session: those of the profile, and those that it has added.
    pub(crate) fn slots_of(&self, session: Option<&SessionId>) -> Arc<Slots> {
        let shared = self.slots();
        let added = session.map(|session| self.added(session)).unwrap_or_default();
        if added.is_empty() {
            return shared;
        }
        let mut slots = Slots::clone(&shared);
        for (server, slot) in added {
            slots.entry(server).or_insert(slot);
        }
        Arc::new(slots)
    }

    /// The servers that a session has added.
    pub(crate) fn added(&self, session: &SessionId) -> Slots {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(session).map(|own| own.added.clone()).unwrap_or_default()
    }

    /// Every server, those that sessions have added too.
    pub(crate) fn all_slots(&self) -> Vec<Arc<Slot>> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        self.slots().values().chain(own.values().flat_map(|own| own.added.values())).map(Arc::clone).collect()
    }

    /// Puts a server in the place of what a session has added by its name, or takes that out; shown once it is published.
    ///
    /// # Errors
    /// `Conflict` when something else than `old` is there, `Overloaded` when the session has added too many, `Closed` when
    /// it has ended.
    pub(crate) async fn exchange_added(
        &self,
        session: &SessionId,
        server: &ServerName,
        old: Option<&Arc<Slot>>,
        new: Option<&Arc<Slot>>,
    ) -> Result<()> {
        let before = self.view_of(Some(session)).await;
        let names = self.names.lock().await.clone();
        let exchanged = {
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            let kept = own.entry(session.clone()).or_insert_with(|| Own::new(&before));
            kept.names.get_or_insert(names);
            kept.exchange(server, old, new)
        };
        if self.sessions.is_open(session) {
            return exchanged;
        }
        // Whoever ends a session looks at what it has once, and may have looked too early.
        for slot in self.forget_own(session).iter().flat_map(Slots::values) {
            self.retire_all(slot);
        }
        Err(Error::new(ErrorKind::Closed, "the session has ended"))
    }
}

impl Hub {
    /// Puts what was there before in the place of a server that a session has added, and stops that; without anything
    /// before, takes it out.
    pub(crate) fn put_back(&self, session: &SessionId, slot: &Arc<Slot>, before: Option<&Arc<Slot>>) {
        let is_back = {
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            let held = own
                .get_mut(session)
                .filter(|own| own.added.get(&slot.name).is_some_and(|held| Arc::ptr_eq(held, slot)));
            match (held, before) {
                (Some(own), Some(before)) => {
                    own.added.insert(slot.name.clone(), Arc::clone(before));
                    true
                }
                (Some(own), None) => {
                    own.added.shift_remove(&slot.name);
                    true
                }
                (None, _) => false,
            }
        };
        self.retire_all(slot);
        // It may have been shown already, by what else has changed.
        self.changed.notify_one();
        // Of a session that has ended meanwhile, nothing stays.
        if let Some(before) = before.filter(|_| !is_back) {
            self.retire_all(before);
        }
    }

    /// Sees what a server offers, which is fetched and started for that if it has to be.
    ///
    /// # Errors
    /// Why it does not start; `Timeout` when it takes longer than fetching and starting may.
    pub(crate) async fn see_now(&self, ctx: &CallContext, slot: &Arc<Slot>) -> Result<()> {
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        if body.entry.kind == ServerKind::Poci {
            return Ok(());
        }
        if body.settings.isolation == Isolation::Call {
            let instance = self.take_single(ctx, slot).await?;
            instance.leave();
            self.retire(slot, instance);
            return Ok(());
        }
        let until = Instant::now() + self.launcher.prepare_timeout + body.settings.limits.start_timeout;
        loop {
            match self.acquire(ctx, slot).await {
                Ok(instance) => {
                    instance.leave();
                    return Ok(());
                }
                // An image that is fetched takes longer than a start; whoever adds a server waits for both.
                Err(error)
                    if error.kind() == ErrorKind::Timeout
                        && error.operation().is_none()
                        && !ctx.has_given_up()
                        && Instant::now() < until => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn tell_added(&self, server: &ServerName, session: Option<&SessionId>) {
        self.bus.tell(|| GatewayEvent::ServerAdded { server: server.clone(), session: session.cloned() });
    }

    pub(crate) fn tell_removed(&self, server: &ServerName, session: Option<&SessionId>) {
        self.bus.tell(|| GatewayEvent::ServerRemoved { server: server.clone(), session: session.cloned() });
    }
}

impl Own {
    fn exchange(&mut self, server: &ServerName, old: Option<&Arc<Slot>>, new: Option<&Arc<Slot>>) -> Result<()> {
        let is_same = match (self.added.get(server), old) {
            (Some(held), Some(old)) => Arc::ptr_eq(held, old),
            (held, old) => held.is_none() && old.is_none(),
        };
        if !is_same {
            let why = format!("server `{server}` is being changed by another call of this session");
            return Err(Error::new(ErrorKind::Conflict, why).retry_later());
        }
        if old.is_none() && self.added.len() >= MOST {
            let why = format!("this session has added {MOST} servers already");
            return Err(Error::new(ErrorKind::Overloaded, why).with_hint("give one back with `mcp-remove`"));
        }
        match new {
            Some(slot) => drop(self.added.insert(server.clone(), Arc::clone(slot))),
            None => drop(self.added.shift_remove(server)),
        }
        Ok(())
    }
}
