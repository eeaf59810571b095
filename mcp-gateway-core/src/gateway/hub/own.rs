//! What a server offers to one session alone.
//!
//! A server that was told something by its client, such as its roots, may put it into what it offers. Others must not see
//! that, and it must not be kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::publish::build_view;
use super::slot::Slot;
use super::{Hub, Slots};
use crate::gateway::surfaces::{Finding, mark_shadows};
use crate::gateway::view::{AllNames, View};
use crate::model::{SessionId, Surface};
use crate::protocol::ListKind;

/// A session that is offered something of its own.
#[derive(Debug)]
pub(crate) struct Own {
    surfaces: HashMap<u64, Arc<Surface>>,
    /// Servers that the session has added for itself.
    pub(super) added: Slots,
    /// The names as this session knows them, once it has added something: nobody else's depend on that.
    pub(super) names: Option<AllNames>,
    view: Arc<View>,
}

impl Own {
    pub(super) fn new(view: &Arc<View>) -> Self {
        Self { surfaces: HashMap::new(), added: Slots::new(), names: None, view: Arc::clone(view) }
    }
}

impl Hub {
    /// What a session sees that is offered something of its own.
    pub(super) fn own_view(&self, session: &SessionId) -> Option<Arc<View>> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(session).map(|own| Arc::clone(&own.view))
    }

    /// Keeps what a server offers to a session alone, for as long as that lasts.
    pub(super) async fn keep_own(&self, slot: &Arc<Slot>, session: &SessionId, surface: Surface) {
        let capabilities = self.sessions.capabilities(Some(session));
        let before = self.view_of(Some(session)).await;
        let same = slot.lock().is_some_and(|lock| lock.surface_for(&capabilities) == Some(&surface));
        if same && self.own_view(session).is_none() {
            return;
        }
        let surface = Arc::new(surface);
        let replaced = {
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            let kept = own.entry(session.clone()).or_insert_with(|| Own::new(&before));
            kept.surfaces.insert(slot.number, Arc::clone(&surface))
        };
        let known = replaced.map(|before| slot.judge(&before)).unwrap_or_else(|| slot.findings().to_vec());
        let is_news = |finding: &Finding| finding.is_held && !known.iter().any(|old| old.item == finding.item);
        let held: Vec<_> = slot.judge(&surface).into_iter().filter(is_news).collect();
        if !held.is_empty() {
            self.note_held(slot, Some(session), &held).await;
        }
        self.publish_own(session).await;
        if !self.sessions.is_open(session) {
            for slot in self.forget_own(session).iter().flat_map(Slots::values) {
                self.retire_all(slot);
            }
        }
    }

    /// What a server offers to a session alone.
    pub(super) fn own_surface(&self, session: &SessionId, slot: u64) -> Option<Arc<Surface>> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.get(session)?.surfaces.get(&slot).map(Arc::clone)
    }

    /// What a server offers to sessions, to each alone.
    pub(super) fn own_surfaces(&self, slot: u64) -> Vec<Arc<Surface>> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.values().filter_map(|own| own.surfaces.get(&slot).map(Arc::clone)).collect()
    }

    /// Rebuilds what sessions see that are offered something of their own.
    pub(super) async fn publish_all_own(&self) {
        let sessions: Vec<_> = self.own.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for session in sessions {
            self.publish_own(&session).await;
        }
    }

    /// Forgets what was a session's own; whoever calls this stops the servers that it had added.
    #[must_use]
    pub(super) fn forget_own(&self, session: &SessionId) -> Option<Slots> {
        self.own.write().unwrap_or_else(PoisonError::into_inner).remove(session).map(|own| own.added)
    }

    /// Forgets what a server that is stopped has offered to its session alone: its successor was told nothing yet.
    pub(super) fn forget_own_of(&self, slot: u64, session: &SessionId) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = own.get_mut(session) else { return };
        if kept.surfaces.remove(&slot).is_none() {
            return;
        }
        drop(own);
        self.changed.notify_one();
    }

    /// Whether a session hears of its lists apart from others of its kind.
    pub(super) fn has_own(&self, session: &SessionId) -> bool {
        self.own.read().unwrap_or_else(PoisonError::into_inner).contains_key(session)
    }

    /// Rebuilds what a session sees that is offered something of its own, and tells it what has changed.
    pub(crate) async fn publish_own(&self, session: &SessionId) {
        let capabilities = self.sessions.capabilities(Some(session));
        let slots = self.slots_of(Some(session));
        // What a session adds says nothing about the servers of all.
        for (slot, held) in mark_shadows(&slots, &self.added(session)) {
            self.note_held(&slot, Some(session), &held).await;
        }
        let changes = {
            let mut names = self.names.lock().await;
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            let Some(kept) = own.get_mut(session) else { return };
            let names = kept.names.as_mut().unwrap_or(&mut names);
            let own = Some(&kept.surfaces);
            let next = Arc::new(build_view(&slots, &capabilities, own, self.dynamic.as_ref(), names));
            let changes = next.changes(&kept.view);
            kept.view = next;
            changes
        };
        let mut told: Vec<&str> = Vec::new();
        for method in changes.iter().map(|kind: &ListKind| kind.changed()) {
            if told.contains(&method) {
                continue;
            }
            told.push(method);
            for link in self.sessions.links_of(session) {
                // A client that does not keep up sees the change when it lists again.
                let _ = link.notify(method, None).await;
            }
        }
    }
}
