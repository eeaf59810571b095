//! Servers that are not the profile's, as an operator means them by their name: agents have added them, or may.

use std::sync::Arc;

use super::{Hub, Slot};
use crate::error::Result;
use crate::model::ServerName;
use crate::profile::{ServerLock, ServerSpec};

impl Hub {
    /// A server of the profile, else one that a session has added, here or in another process, as it is recorded.
    ///
    /// # Errors
    /// `NotFound` for any other, and what the profile says that cannot be read.
    pub(crate) async fn recorded(&self, server: &ServerName) -> Result<Arc<Slot>> {
        if let Some(slot) = self.present_slot(server) {
            return Ok(slot);
        }
        match self.profile.lock().await?.servers.shift_remove(server) {
            Some(recorded) => self.outside(server, Some(recorded)).await,
            None => Err(self.no_such_server(server)),
        }
    }

    /// As [`recorded`](Self::recorded), and one that agents may add.
    ///
    /// # Errors
    /// As [`recorded`](Self::recorded), and what the catalog says that cannot be read.
    #[cfg(feature = "runtime-remote")]
    pub(crate) async fn addable(&self, server: &ServerName) -> Result<Arc<Slot>> {
        if let Some(slot) = self.present_slot(server) {
            return Ok(slot);
        }
        if self.dynamic.is_none() || self.catalog.get(server).await?.is_none() {
            return Err(self.no_such_server(server));
        }
        let recorded = self.profile.lock().await?.servers.shift_remove(server);
        self.outside(server, recorded).await
    }

    /// The names of servers that are recorded and not the profile's.
    ///
    /// # Errors
    /// What the profile says that cannot be read.
    #[cfg(feature = "runtime-remote")]
    pub(crate) async fn recorded_outside(&self) -> Result<Vec<ServerName>> {
        let slots = self.slots();
        let recorded = self.profile.lock().await?.servers.into_keys();
        Ok(recorded.filter(|server| !slots.contains_key(server)).collect())
    }

    fn present_slot(&self, server: &ServerName) -> Option<Arc<Slot>> {
        self.slot(server).or_else(|| self.all_slots().into_iter().find(|slot| slot.name == *server))
    }

    async fn outside(&self, server: &ServerName, recorded: Option<ServerLock>) -> Result<Arc<Slot>> {
        let spec = self.profile.spec_with(server, ServerSpec::default()).await?;
        Ok(Arc::new(Slot::of(&spec, server, self.catalog.as_ref(), recorded).await))
    }
}
