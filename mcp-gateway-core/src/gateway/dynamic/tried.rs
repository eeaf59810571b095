//! A server that is tried out in a session.

use std::sync::Arc;

use crate::gateway::hub::{Hub, Slot};
use crate::model::SessionId;

/// Puts back what was there before, and stops what was tried, unless that is kept: also where whoever wanted it has given up.
pub(super) struct Tried<'a> {
    pub(super) hub: &'a Hub,
    pub(super) session: &'a SessionId,
    pub(super) slot: &'a Arc<Slot>,
    pub(super) before: Option<&'a Arc<Slot>>,
    is_kept: bool,
}

impl<'a> Tried<'a> {
    pub(super) fn new(
        hub: &'a Hub,
        session: &'a SessionId,
        slot: &'a Arc<Slot>,
        before: Option<&'a Arc<Slot>>,
    ) -> Self {
        Self { hub, session, slot, before, is_kept: false }
    }

    /// Keeps it, and stops what was there before.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
        if let Some(before) = self.before {
            self.hub.retire_all(before);
        }
    }
}

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.hub.put_back(self.session, self.slot, self.before);
        }
    }
}
