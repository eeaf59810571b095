//! The children that run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::spawner::Members;
use super::stats;
use crate::model::InstanceId;
use crate::runtime::InstanceStatus;
use crate::runtime::egress::Traffic;

/// The children that run, by id.
#[derive(Debug, Default)]
pub(super) struct Table {
    running: Mutex<HashMap<InstanceId, Running>>,
}

/// A child that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) status: InstanceStatus,
    pub(super) members: Members,
    /// What goes to listed hosts, where it has some.
    pub(super) traffic: Option<Arc<Traffic>>,
    /// Asks for its end.
    pub(super) stop: CancellationToken,
    /// Tells that it has come.
    pub(super) ended: CancellationToken,
}

impl Table {
    pub(super) fn insert(&self, running: Running) {
        self.locked().insert(running.status.id.clone(), running);
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

    /// Sends a signal to a child and all that come from it. Under the lock, so that it cannot end and be forgotten meanwhile.
    pub(super) fn signal(&self, id: &InstanceId, signal: libc::c_int) {
        if let Some(running) = self.locked().get(id) {
            running.members.signal(signal);
        }
    }

    pub(super) fn list(&self) -> Vec<InstanceStatus> {
        let figures = |running: &Running| {
            let mut status = running.status.clone();
            if let Some((sent, received)) = running.traffic.as_ref().map(|traffic| traffic.bytes()) {
                (status.network_sent_bytes, status.network_received_bytes) = (Some(sent), Some(received));
            }
            (status, running.members.leader)
        };
        let running: Vec<_> = self.locked().values().map(figures).collect();
        running
            .into_iter()
            .map(|(mut status, leader)| {
                stats::fill(&mut status, leader);
                status
            })
            .collect()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<InstanceId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
