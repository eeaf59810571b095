//! What is recorded of questions and answers, and told about them.

use std::time::Duration;

use serde_json::{Value, json};

use super::Approvals;
use crate::approval::{Previous, Question, Verdict};
use crate::audit::{AuditEvent, AuditQuery, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::events::GatewayEvent;
use crate::util::clock;

const ASK: &str = "approval/ask";
const ANSWER: &str = "approval/answer";

/// How many records are looked through for earlier answers, and how many of those are shown.
const LOOKED_THROUGH: usize = 200;
const SHOWN: usize = 5;
/// How far is looked back, in milliseconds, and for how long.
const LOOKED_BACK: i64 = 30 * 24 * 60 * 60 * 1000;
const LOOKED_FOR: Duration = Duration::from_secs(2);

impl Approvals {
    /// Records that somebody is asked, before it is waited for.
    pub(super) async fn record_question(&self, question: &Question, route: &str, id: Option<&str>) -> Result<()> {
        self.parts.bus.tell(|| GatewayEvent::asked(question, id));
        let mut event = self.event(question, ASK);
        event.detail = Some(detail(question, route, id));
        self.keep(event).await
    }

    /// Records the answer, or why there is none.
    pub(super) async fn record_answer(
        &self,
        question: &Question,
        route: &str,
        id: Option<&str>,
        answer: Result<&Verdict, &Error>,
    ) -> Result<()> {
        self.parts.bus.tell(|| GatewayEvent::answered(question, answer.map_err(ToString::to_string)));
        let mut event = self.event(question, ANSWER);
        let mut detail = detail(question, route, id);
        let outcome = match answer {
            Ok(verdict) => {
                detail["granted"] = verdict.granted.into();
                detail["by"] = verdict.by.as_str().into();
                detail["reason"] = verdict.reason.as_str().into();
                detail["scope"] = verdict.scope.as_str().into();
                if verdict.granted { "granted" } else { "refused" }
            }
            Err(error) => {
                detail["granted"] = false.into();
                event.error = Some(error.to_string());
                "failed"
            }
        };
        event.outcome = match answer {
            Ok(verdict) if verdict.granted => Outcome::Ok,
            Err(error) if error.kind() == ErrorKind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Denied,
        };
        event.detail = Some(detail);
        self.parts.metrics.record_approval(question.decision.effect.as_str(), outcome);
        self.keep(event).await
    }

    /// What was answered before to the same principal about the same target; nothing where that cannot be found out.
    pub(super) async fn previous(&self, question: &Question) -> Vec<Previous> {
        let mut query = AuditQuery::newest(LOOKED_THROUGH);
        query.server = Some(question.target.server.clone());
        query.name = Some(question.target.name.clone());
        query.principal = Some(question.principal.name.to_string());
        query.since = Some(clock::now_millis().saturating_sub(LOOKED_BACK));
        // A person need not wait long for what is only good to know.
        let records = match tokio::time::timeout(LOOKED_FOR, self.parts.audit.query(&query)).await {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => {
                tracing::debug!(error = %error.report(), "earlier answers cannot be read");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        let hash = question.arguments_hash();
        let answers = records.iter().rev().map(|record| &record.event).filter(|event| event.action == ANSWER);
        let previous = answers.filter_map(|event| {
            let detail = event.detail.as_ref()?;
            let text = |key: &str| detail[key].as_str().unwrap_or_default();
            let by = detail["by"].as_str()?;
            let is_same = text("argumentsHash") == hash;
            Some(Previous::new(event.time, detail["granted"] == true, by, text("reason"), is_same))
        });
        previous.take(SHOWN).collect()
    }

    fn event(&self, question: &Question, action: &str) -> AuditEvent {
        let mut event = AuditEvent::new(self.parts.profile.clone(), &*question.principal.name, action);
        event.session.clone_from(&question.session);
        event.server = Some(question.target.server.clone());
        event.name = Some(question.target.name.clone());
        event.decision = Some(question.decision.clone());
        event
    }

    async fn keep(&self, event: AuditEvent) -> Result<()> {
        self.parts.audit.append(event).await.map(|_| ()).map_err(|cause| {
            Error::new(ErrorKind::Io, "an approval could not be recorded, so it counts for nothing").with_source(cause)
        })
    }
}

fn detail(question: &Question, route: &str, id: Option<&str>) -> Value {
    let mut detail = json!({"route": route, "argumentsHash": question.arguments_hash(), "binding": question.binding()});
    if let Some(definition) = question.definition() {
        detail["definition"] = definition.into();
    }
    if let Some(id) = id {
        detail["id"] = id.into();
    }
    detail
}
