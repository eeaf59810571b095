//! Asks policy, and a person where policy says so.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Call, Service};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::approvals::{Approvals, Settled};
use crate::model::{CallContext, Decision, Effect};
use crate::policy::Policy;
use crate::protocol::Response;

/// Lets through what policy allows, asks for what it wants confirmed, refuses the rest; every doubt is a refusal.
#[derive(Debug)]
pub(crate) struct PolicyLayer<S> {
    pub(crate) inner: S,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) approvals: Approvals,
}

#[async_trait]
impl<S: Service> Service for PolicyLayer<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        let decision = self.policy.decide(ctx, &call.request).await.map_err(|cause| {
            if ctx.has_given_up() {
                return cause;
            }
            Error::new(ErrorKind::Denied, "policy could not decide, so the request is refused")
                .with_operation("PolicyLayer::call")
                .with_source(cause)
        })?;
        call.decision = Some(decision.clone());
        if decision.effect != Effect::Deny
            && let Some(answer) = call.moot.take()
        {
            return Ok(Response::new(answer));
        }
        match decision.effect {
            Effect::Allow => self.inner.call(ctx, call).await,
            Effect::SoftConfirm | Effect::HardConfirm => {
                if let Some(pending) = self.confirm(ctx, call, decision).await? {
                    return Ok(pending);
                }
                let response = self.inner.call(ctx, call).await?;
                self.approvals.note_round(ctx, call, &response);
                Ok(response)
            }
            Effect::Deny => Err(denied(call, &decision)),
        }
    }
}

impl<S: Service> PolicyLayer<S> {
    /// Whether a person lets the request go on; the answer, where there is one without it.
    async fn confirm(&self, ctx: &CallContext, call: &mut Call, mut decision: Decision) -> Result<Option<Response>> {
        let settled = match self.approvals.settle(ctx, call, &decision).await {
            Err(error) if ctx.has_given_up() => return Err(error),
            Err(error) => Settled::Refused(format!("nobody could be asked: {error}")),
            Ok(settled) => settled,
        };
        let (outcome, reason) = match settled {
            Settled::Granted(reason) => (Ok(None), reason),
            Settled::Pending(response, reason) => (Ok(Some(response)), reason),
            Settled::Refused(reason) => (Err(()), reason),
        };
        decision.reason = reason;
        call.decision = Some(decision.clone());
        outcome.map_err(|()| denied(call, &decision))
    }
}

fn denied(call: &Call, decision: &Decision) -> Error {
    let mut error = call.request.unmatched().unwrap_or_else(|| {
        let what = call.request.target.as_ref().map_or_else(|| call.request.kind.to_string(), ToString::to_string);
        let message = match decision.effect {
            Effect::Deny => format!("`{what}` is denied by policy"),
            _ => format!("`{what}` needs a confirmation that was not given"),
        };
        Error::new(ErrorKind::Denied, message)
    });
    error = error.with_context("rule", &decision.rule);
    if !decision.reason.is_empty() {
        error = error.with_context("reason", &decision.reason);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use crate::approval::{Answer, MemoryApprover};
    use crate::audit::MemoryAudit;
    use crate::gateway::approvals::ApprovalParts;
    use crate::gateway::events::EventBus;
    use crate::model::{ProfileName, ServerName};
    use crate::policy::{Rule, RulePolicy};
    use crate::profile::ApprovalSpec;
    use crate::protocol::{RawJson, Request, Target};
    use crate::telemetry::Metrics;

    #[derive(Debug)]
    struct Answers;

    #[async_trait]
    impl Service for Answers {
        async fn call(&self, _ctx: &CallContext, _call: &mut Call) -> Result<Response> {
            Ok(Response::new(RawJson::empty_object()))
        }
    }

    #[derive(Debug)]
    struct Broken;

    #[async_trait]
    impl Policy for Broken {
        async fn decide(&self, _ctx: &CallContext, _request: &Request) -> Result<Decision> {
            Err(Error::new(ErrorKind::Internal, "no"))
        }
    }

    async fn run(policy: impl Policy, approver: MemoryApprover, tool: &str) -> (Result<Response>, Call) {
        let parts = ApprovalParts {
            approver: Some(Arc::new(approver)),
            webhook: None,
            queue: None,
            audit: Arc::new(MemoryAudit::new()),
            profile: ProfileName::new("p").unwrap(),
            bus: EventBus::new(),
            metrics: Metrics::new(),
            question_timeout: Duration::from_secs(60),
            closing: CancellationToken::new(),
        };
        let approvals = Approvals::new(&ApprovalSpec::default(), parts).unwrap();
        let layer = PolicyLayer { inner: Answers, policy: Arc::new(policy), approvals };
        let mut request = Request::call_tool(tool, &serde_json::json!({})).unwrap();
        request.target = Some(Target::new(ServerName::new("s").unwrap(), tool));
        let mut call = Call::new(request);
        (layer.call(&CallContext::local(), &mut call).await, call)
    }

    fn rules() -> RulePolicy {
        let rules = vec![Rule::new("s.read", Effect::Allow), Rule::new("s.write", Effect::SoftConfirm)];
        RulePolicy::new(rules, Effect::Deny)
    }

    #[tokio::test]
    async fn every_effect_is_carried_out() {
        let yes = || MemoryApprover::new().with_answer("s.write", Answer::new(true, "ann", "fine"));
        assert!(run(rules(), MemoryApprover::new(), "read").await.0.is_ok());
        assert!(run(rules(), MemoryApprover::new(), "write").await.0.is_err());
        let (result, call) = run(rules(), yes(), "write").await;
        assert!(result.is_ok());
        assert_eq!(call.decision.unwrap().reason, "ann: fine");
        let error = run(rules(), yes(), "delete").await.0.unwrap_err();
        assert_eq!(error.to_string(), "`s.delete` is denied by policy (rule: default, reason: no rule matches)");
    }

    #[tokio::test]
    async fn a_policy_that_cannot_decide_refuses() {
        let error = run(Broken, MemoryApprover::new(), "read").await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
}
