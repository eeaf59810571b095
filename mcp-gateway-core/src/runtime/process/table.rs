//! The children that run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::sandbox::exec::signal_group;
use super::stats;
use crate::model::InstanceId;
use crate::runtime::InstanceStatus;

/// The children that run, by id.
#[derive(Debug, Default)]
pub(super) struct Table {
    running: Mutex<HashMap<InstanceId, Running>>,
}

#[derive(Debug)]
struct Running {
    status: InstanceStatus,
    group: u32,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Table {
    pub(super) fn insert(&self, status: InstanceStatus, group: u32, stop: CancellationToken, ended: CancellationToken) {
        self.locked().insert(status.id.clone(), Running { status, group, stop, ended });
    }

    pub(super) fn remove(&self, id: &InstanceId) {
        if let Some(running) = self.locked().remove(id) {
            running.ended.cancel();
        }
    }

    /// Asks for a child's end; gives what tells that it has come.
    pub(super) fn stop(&self, id: &InstanceId) -> Option<CancellationToken> {
        let table = self.locked();
        let running = table.get(id)?;
        running.stop.cancel();
        Some(running.ended.clone())
    }

    pub(super) fn signal(&self, id: &InstanceId, signal: i32) {
        if let Some(running) = self.locked().get_mut(id) {
            signal_group(running.group, signal);
            let state = if signal == libc::SIGSTOP { "paused" } else { "running" };
            state.clone_into(&mut running.status.state);
        }
    }

    pub(super) fn list(&self) -> Vec<InstanceStatus> {
        let mut all: Vec<_> = self
            .locked()
            .values()
            .map(|running| {
                let mut status = running.status.clone();
                stats::fill(&mut status, running.group);
                status
            })
            .collect();
        all.sort_by(|a, b| a.started.cmp(&b.started).then_with(|| a.id.cmp(&b.id)));
        all
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<InstanceId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
