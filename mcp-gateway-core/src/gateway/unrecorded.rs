//! What happens now and has yet to be recorded.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::{AuditEvent, AuditStore, Outcome};

/// Records an event whose future was dropped before it was done, as cancelled.
pub(crate) struct Unrecorded<'a> {
    store: &'a Arc<dyn AuditStore>,
    event: Option<AuditEvent>,
    begun: Instant,
}

impl<'a> Unrecorded<'a> {
    pub(crate) fn new(store: &'a Arc<dyn AuditStore>, event: AuditEvent) -> Self {
        Self { store, event: Some(event), begun: Instant::now() }
    }

    /// The event, with how long it took; whoever takes it records it.
    pub(crate) fn take(&mut self) -> Option<AuditEvent> {
        let mut event = self.event.take()?;
        event.duration_micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(event)
    }
}

impl Drop for Unrecorded<'_> {
    fn drop(&mut self) {
        let (Some(mut event), Ok(runtime)) = (self.take(), tokio::runtime::Handle::try_current()) else { return };
        event.outcome = Outcome::Cancelled;
        let store = Arc::clone(self.store);
        runtime.spawn(async move {
            if let Err(error) = store.append(event).await {
                tracing::error!(error = %error.report(), "what was cancelled could not be recorded");
            }
        });
    }
}
