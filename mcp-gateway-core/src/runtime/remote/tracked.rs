//! The connections of a remote runtime, for as long as somebody holds them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;

use crate::error::Result;
use crate::model::InstanceId;
use crate::protocol::Message;
use crate::protocol::stateless::Routing;
use crate::runtime::InstanceStatus;
use crate::transport::client::{Connection, MessageSink};

/// The connections that are open; knowing one does not keep it open.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<InstanceId, (InstanceStatus, Weak<TrackedSink>)>>,
}

/// A sink that strikes its connection off the list when it is closed or dropped.
#[derive(Debug)]
struct TrackedSink {
    id: InstanceId,
    inner: Arc<dyn MessageSink>,
    connections: Weak<Connections>,
}

impl Connections {
    /// Lists a connection until it is closed or dropped.
    pub(super) fn track(self: &Arc<Self>, status: InstanceStatus, connection: Connection) -> Connection {
        let id = status.id.clone();
        let inner = Arc::clone(&connection.sink);
        let sink = Arc::new(TrackedSink { id: id.clone(), inner, connections: Arc::downgrade(self) });
        self.locked().insert(id, (status, Arc::downgrade(&sink)));
        Connection { sink, ..connection }
    }

    /// Closes a connection, if it is open.
    pub(super) async fn close(&self, id: &InstanceId) {
        let sink = self.locked().remove(id).and_then(|(_, sink)| sink.upgrade());
        if let Some(sink) = sink {
            sink.close().await;
        }
    }

    /// The open connections, in the order of their ids.
    pub(super) fn list(&self) -> Vec<InstanceStatus> {
        let mut all: Vec<_> = self.locked().values().map(|(status, _)| status.clone()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<InstanceId, (InstanceStatus, Weak<TrackedSink>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrackedSink {
    fn strike_off(&self) {
        if let Some(connections) = self.connections.upgrade() {
            connections.locked().remove(&self.id);
        }
    }
}

#[async_trait]
impl MessageSink for TrackedSink {
    async fn send(&self, message: &Message) -> Result<()> {
        self.inner.send(message).await
    }

    async fn send_routed(&self, message: &Message, routing: &Routing) -> Result<()> {
        self.inner.send_routed(message, routing).await
    }

    async fn close(&self) {
        self.strike_off();
        self.inner.close().await;
    }
}

impl Drop for TrackedSink {
    fn drop(&mut self) {
        self.strike_off();
    }
}
