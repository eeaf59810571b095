//! Waiting for an operator, or coming back later.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Approvals, Settled, nobody};
use crate::approval::queue::{Asked, Ticket};
use crate::approval::{Question, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::{RawJson, Request, RequestKind, Response};

/// How often a client that wants progress is told that the call still waits.
const TELL: Duration = Duration::from_secs(5);

impl Approvals {
    /// Waits for the answer, and tells the client meanwhile; a caller that gives up takes the question back.
    pub(super) async fn wait_for(&self, ctx: &CallContext, request: &Request, ticket: &Ticket) -> Result<Verdict> {
        let telling = tell(request, ticket.id(), self.wait);
        let answered = async {
            tokio::select! {
                answered = ticket.answered() => answered,
                never = telling => match never {},
            }
        };
        ctx.bounded(self.wait, answered).await
    }

    /// Lets the question stand for later, or uses the answer that it has got since.
    pub(super) async fn ask_for_later(&self, question: &Question) -> Result<Settled> {
        let queue = self.parts.queue.as_ref().ok_or_else(nobody)?;
        match queue.ask_or_take(question, self.good_for).await? {
            Asked::Answered(id, verdict) => {
                self.record_answer(question, "queue", Some(&id), Ok(&verdict)).await?;
                Ok(self.carry_out(question, &verdict).await)
            }
            Asked::New(id) => {
                self.record_question(question, "queue", Some(&id)).await?;
                self.parts.metrics.record_approval(question.decision.effect.as_str(), "pending");
                pending(question, &id)
            }
            Asked::Pending(id) => pending(question, &id),
        }
    }
}

/// What a caller gets that does not wait: a result that says so where there can be one, else an error.
fn pending(question: &Question, id: &str) -> Result<Settled> {
    let target = &question.target;
    let why = format!("pending as {id}");
    let text = format!(
        "`{target}` was not called: it needs the approval of an operator, which is pending as {id}. An operator approves it \
         with `mcp-gateway approvals approve {id} --reason \"…\"`. Then call it again with the same arguments: the approval \
         is for that call, once. You cannot approve it yourself.",
    );
    if question.kind != RequestKind::CallTool {
        return Err(Error::new(ErrorKind::Denied, text));
    }
    let result = json!({
        "content": [{"type": "text", "text": text}],
        "isError": true,
        "_meta": {"mcp-gateway/pendingApproval": id},
    });
    Ok(Settled::Pending(Response::new(RawJson::from_value(&result)?), why))
}

/// Tells a client that wants progress that its call waits, until this is dropped.
async fn tell(request: &Request, id: &str, limit: Duration) -> std::convert::Infallible {
    let token = request.params.get("_meta").and_then(|meta| meta.object().ok()?.get("progressToken").cloned());
    let (Some(link), Some(token)) = (&request.link, token) else { return std::future::pending().await };
    let begun = Instant::now();
    loop {
        let waited = begun.elapsed();
        let message =
            format!("waits for the approval of an operator: mcp-gateway approvals approve {id} --reason \"…\"");
        // Below whatever the server tells of its own progress later.
        let progress = -1.0 + waited.as_secs_f64() / limit.as_secs_f64().max(1.0);
        let params = json!({"progressToken": token, "progress": progress.min(-0.001), "message": message});
        if let Ok(params) = RawJson::from_value(&params) {
            // A client that does not keep up loses notifications, never answers.
            let _ = link.notify("notifications/progress", Some(params)).await;
        }
        tokio::time::sleep(TELL).await;
    }
}
