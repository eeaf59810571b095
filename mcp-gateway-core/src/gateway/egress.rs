//! What servers try to reach and may not: recorded, and told to who listens.

use std::sync::Arc;

use serde_json::json;

use super::events::{EventBus, GatewayEvent};
use crate::audit::{AuditEvent, AuditStore, Outcome};
use crate::runtime::{EgressDenial, EgressWatch, Owner};

/// The name under which refusals are recorded.
const DENIED: &str = "egress/deny";

/// Records the refusals of one server.
#[derive(Debug)]
pub(crate) struct RecordedEgress {
    pub(crate) owner: Owner,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) bus: EventBus,
}

impl EgressWatch for RecordedEgress {
    fn denied(&self, denial: &EgressDenial) {
        let server = &self.owner.server;
        tracing::warn!(%server, %denial, "a server tried to reach what it may not");
        self.bus.tell(|| GatewayEvent::EgressDenied { server: server.clone(), denial: denial.clone() });
        let mut event = AuditEvent::new(self.owner.profile.clone(), format!("server:{server}"), DENIED);
        event.server = Some(server.clone());
        event.session.clone_from(&self.owner.session);
        event.outcome = Outcome::Denied;
        event.error = Some(denial.reason.clone());
        event.detail = Some(json!(denial));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let audit = Arc::clone(&self.audit);
        runtime.spawn(async move {
            if let Err(error) = audit.append(event).await {
                tracing::error!(error = %error.report(), "a refused connection of a server could not be recorded");
            }
        });
    }
}
