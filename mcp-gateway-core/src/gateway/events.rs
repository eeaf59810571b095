//! What happens in a gateway, for a host that wants to show or count it.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::approval::{Question, Verdict};
use crate::model::{InstanceId, ServerName, SessionId};
use crate::protocol::{ListKind, RawJson};
use crate::runtime::EgressDenial;

/// How many events may wait for a listener before the oldest are dropped.
const WAITING: usize = 1_024;

/// Something that happened in a gateway.
///
/// As JSON: `{"type": "server_started", "server": "time", …}`, the type in snake case and the fields in camel case.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum GatewayEvent {
    /// A list that clients see is another one now.
    ListChanged {
        /// `tools`, `prompts` or `resources`.
        list: &'static str,
    },
    /// A server was put into the profile, or added by an agent for its session.
    ServerAdded {
        /// The server.
        server: ServerName,
        /// The session that it was added for; none where it was put into the profile.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
    },
    /// A server was taken out of the profile, or of the session that had added it.
    ServerRemoved {
        /// The server.
        server: ServerName,
        /// The session that it was added for; none where it was taken out of the profile.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
    },
    /// An image is pulled or a package installed.
    Preparing {
        /// The server.
        server: ServerName,
        /// What is done now.
        status: String,
        /// How much of it is done, in bytes or steps.
        done: u64,
        /// How much there is; 0 while it is unknown.
        total: u64,
    },
    /// A server is ready.
    ServerStarted {
        /// The server.
        server: ServerName,
        /// The container, process or connection.
        instance: InstanceId,
        /// The session that it runs for; none where it is shared.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
    },
    /// A server did not come up.
    ServerFailed {
        /// The server.
        server: ServerName,
        /// Why.
        reason: String,
    },
    /// A server has ended.
    ServerStopped {
        /// The server.
        server: ServerName,
        /// The container, process or connection that it was.
        instance: InstanceId,
    },
    /// A server tried to reach what it may not.
    EgressDenied {
        /// The server.
        server: ServerName,
        /// What, and why not.
        #[serde(flatten)]
        denial: EgressDenial,
    },
    /// Something that a server offers is held back until an operator has accepted it.
    SurfaceHeld {
        /// The server.
        server: ServerName,
        /// What, such as ``tools `search` ``; the first twenty.
        items: Vec<String>,
    },
    /// Something that a server offers, and that was not accepted before, is now.
    SurfaceAccepted {
        /// The server.
        server: ServerName,
        /// What, such as ``tools `search` ``; the first twenty.
        items: Vec<String>,
        /// Who accepted it; none where the profile's `surfaces` did.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A person is asked whether a request may go on.
    ApprovalAsked {
        /// The server that the request is for.
        server: ServerName,
        /// The tool, prompt or resource.
        name: String,
        /// Who wants it.
        principal: String,
        /// `soft_confirm` or `hard_confirm`.
        effect: &'static str,
        /// The rule that demands it.
        rule: String,
        /// Why.
        reason: String,
        /// Under which an operator answers; none where somebody else is asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// A person has answered, or nobody could.
    ApprovalAnswered {
        /// The server that the request is for.
        server: ServerName,
        /// The tool, prompt or resource.
        name: String,
        /// Whether it may go on.
        granted: bool,
        /// Who answered; none where nobody did.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Why.
        reason: String,
    },
    /// A server sent a log message to a session of this process.
    Log {
        /// The session.
        session: SessionId,
        /// The parameters of `notifications/message`: `level`, `logger`, `data`.
        params: RawJson,
    },
    /// A resource that a session of this process has subscribed to is another one now.
    ResourceUpdated {
        /// The session.
        session: SessionId,
        /// The parameters of `notifications/resources/updated`: `uri`.
        params: RawJson,
    },
    /// The listener did not keep up, and events were dropped.
    Missed {
        /// How many.
        count: u64,
    },
}

impl GatewayEvent {
    /// The event that says a list has changed.
    pub(crate) fn list_changed(kind: ListKind) -> Self {
        Self::ListChanged { list: kind.capability() }
    }

    /// The event that says a person is asked.
    pub(crate) fn asked(question: &Question, id: Option<&str>) -> Self {
        Self::ApprovalAsked {
            server: question.target.server.clone(),
            name: question.target.name.clone(),
            principal: question.principal.name.to_string(),
            effect: question.decision.effect.as_str(),
            rule: question.decision.rule.clone(),
            reason: question.decision.reason.clone(),
            id: id.map(str::to_owned),
        }
    }

    /// The event that says how a question was answered; `Err` holds why nobody did.
    pub(crate) fn answered(question: &Question, answer: Result<&Verdict, String>) -> Self {
        let (granted, by, reason) = match answer {
            Ok(answer) => (answer.granted, Some(answer.by.clone()), answer.reason.clone()),
            Err(reason) => (false, None, reason),
        };
        let target = &question.target;
        Self::ApprovalAnswered { server: target.server.clone(), name: target.name.clone(), granted, by, reason }
    }
}

/// Tells every listener; costs nothing while there is none.
#[derive(Clone, Debug)]
pub(crate) struct EventBus {
    sender: broadcast::Sender<Arc<GatewayEvent>>,
    closed: CancellationToken,
}

impl EventBus {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(WAITING).0, closed: CancellationToken::new() }
    }

    /// Tells an event; it is made only when somebody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> GatewayEvent) {
        if self.sender.receiver_count() > 0 {
            // The last listener may go at this moment.
            let _ = self.sender.send(Arc::new(event()));
        }
    }

    pub(crate) fn listen(&self) -> GatewayEvents {
        GatewayEvents { events: self.sender.subscribe(), closed: self.closed.clone() }
    }

    /// Says that nothing more will happen.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }
}

/// The events of a gateway from the moment of listening on.
///
/// # Behavior
/// - At most 1,024 events wait; for a listener that is slower, the oldest are dropped and [`GatewayEvent::Missed`] says so.
/// - Ends once the gateway has shut down and everything that happened by then was heard.
#[derive(Debug)]
pub struct GatewayEvents {
    events: broadcast::Receiver<Arc<GatewayEvent>>,
    closed: CancellationToken,
}

impl GatewayEvents {
    /// The next event; `None` once there will be no more. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<GatewayEvent>> {
        let received = tokio::select! {
            biased;
            received = self.events.recv() => received,
            () = self.closed.cancelled() => return None,
        };
        match received {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(Arc::new(GatewayEvent::Missed { count })),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_listener_hears_how_much_it_missed() {
        let bus = EventBus::new();
        bus.tell(|| unreachable!("nobody listens"));
        let mut events = bus.listen();
        for _ in 0..WAITING + 3 {
            bus.tell(|| GatewayEvent::list_changed(ListKind::Tools));
        }
        assert!(matches!(*events.next().await.unwrap(), GatewayEvent::Missed { count: 3 }));
        let event = serde_json::to_string(&*events.next().await.unwrap()).unwrap();
        assert_eq!(event, r#"{"type":"list_changed","list":"tools"}"#);
        bus.close();
        let mut heard = 0;
        while events.next().await.is_some() {
            heard += 1;
        }
        assert_eq!(heard, WAITING - 1, "what happened before the end is heard");
    }
}
