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
        let mut event = AuditEvent::new(self.owner.profile.clone(), "gateway", DENIED);
        event.server = Some(server.clone());
        event.name = Some(denial.place());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditQuery, MemoryAudit};
    use crate::model::{ProfileName, ServerName};

    #[tokio::test]
    async fn a_refusal_is_recorded_and_told() {
        let (audit, bus) = (Arc::new(MemoryAudit::new()), EventBus::new());
        let mut events = bus.listen();
        let owner = Owner::new("g1", ProfileName::new("dev").unwrap(), ServerName::new("github").unwrap());
        let watch = RecordedEgress { owner, audit: Arc::clone(&audit) as _, bus };
        let denial = json!({"host": "evil.test", "port": 443, "reason": "the host is not listed", "count": 1});
        watch.denied(&serde_json::from_value(denial.clone()).unwrap());
        let event = serde_json::to_value(&*events.next().await.unwrap()).unwrap();
        let mut told = json!({"type": "egress_denied", "server": "github"});
        told.as_object_mut().unwrap().extend(denial.as_object().unwrap().clone());
        assert_eq!(event, told);
        let record = loop {
            if let [record] = &audit.query(&AuditQuery::default()).await.unwrap()[..] {
                break record.event.clone();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!((record.action.as_str(), record.outcome), (DENIED, Outcome::Denied));
        assert_eq!(record.name.as_deref(), Some("evil.test:443"));
        assert_eq!((record.detail, record.server.unwrap().as_str()), (Some(denial), "github"));
    }
}
