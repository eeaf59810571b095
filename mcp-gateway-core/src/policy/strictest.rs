//! Several policies at once.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Explanation, Policy};
use crate::error::Result;
use crate::model::{CallContext, Decision, Effect};
use crate::protocol::Request;

/// Several policies, of which the strictest counts: an organisation's and a team's, say.
///
/// # Behavior
/// - Of decisions that are alike, the one of the earlier policy is told.
/// - One that cannot decide is an error, whatever the others say; without any, everything is denied.
#[derive(Debug)]
pub struct StrictestPolicy {
    policies: Vec<Arc<dyn Policy>>,
}

impl StrictestPolicy {
    /// These policies.
    pub fn new(policies: impl IntoIterator<Item = Arc<dyn Policy>>) -> Self {
        Self { policies: policies.into_iter().collect() }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Policy for StrictestPolicy {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        let mut strictest: Option<Decision> = None;
        for policy in &self.policies {
            let decision = policy.decide(ctx, request).await?;
            if is_stricter(&decision, strictest.as_ref()) {
                strictest = Some(decision);
            }
        }
        Ok(strictest.unwrap_or_else(nobody))
    }

    async fn explain(&self, ctx: &CallContext, request: &Request, time: i64) -> Result<Explanation> {
        let (mut strictest, mut steps) = (None, Vec::new());
        for policy in &self.policies {
            let explanation = policy.explain(ctx, request, time).await?;
            steps.extend(explanation.steps);
            if is_stricter(&explanation.decision, strictest.as_ref()) {
                strictest = Some(explanation.decision);
            }
        }
        Ok(Explanation::new(strictest.unwrap_or_else(nobody)).with_steps(steps))
    }
}

fn is_stricter(decision: &Decision, than: Option<&Decision>) -> bool {
    than.is_none_or(|than| decision.effect.strictness() > than.effect.strictness())
}

fn nobody() -> Decision {
    Decision::new(Effect::Deny, "no policy", "there is nobody who decides")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::model::{Rule, ServerName};
    use crate::policy::RulePolicy;
    use crate::protocol::Target;

    #[derive(Debug)]
    struct Broken;

    #[async_trait]
    impl Policy for Broken {
        async fn decide(&self, _ctx: &CallContext, _request: &Request) -> Result<Decision> {
            Err(Error::new(ErrorKind::Internal, "no"))
        }
    }

    fn rules(id: &str, effect: Effect) -> Arc<dyn Policy> {
        Arc::new(RulePolicy::new(vec![Rule::new("*", effect).with_id(id)], Effect::Allow))
    }

    fn request() -> Request {
        let mut request = Request::call_tool("x", &serde_json::json!({})).unwrap();
        request.target = Some(Target::new(ServerName::new("s").unwrap(), "x"));
        request
    }

    #[tokio::test]
    async fn the_strictest_decides_and_the_first_of_equals_is_told() {
        let decide = async |policies: Vec<Arc<dyn Policy>>| {
            let policy = StrictestPolicy::new(policies);
            let decision = policy.decide(&CallContext::local(), &request()).await.unwrap();
            let explained = policy.explain(&CallContext::local(), &request(), 0).await.unwrap();
            assert_eq!(explained.decision, decision);
            (decision.effect, decision.rule, explained.steps.len())
        };
        let (allow, soft, deny) =
            (rules("a", Effect::Allow), rules("b", Effect::SoftConfirm), rules("c", Effect::Deny));
        let told = |effect, rule: &str, steps| (effect, rule.to_owned(), steps);
        assert_eq!(decide(vec![Arc::clone(&allow), Arc::clone(&soft)]).await, told(Effect::SoftConfirm, "b", 2));
        assert_eq!(decide(vec![deny, Arc::clone(&soft), allow]).await, told(Effect::Deny, "c", 3));
        assert_eq!(decide(vec![rules("d", Effect::SoftConfirm), soft]).await, told(Effect::SoftConfirm, "d", 2));
        assert_eq!(decide(Vec::new()).await, told(Effect::Deny, "no policy", 0));
    }

    #[tokio::test]
    async fn one_that_cannot_decide_is_an_error() {
        for policies in [[rules("a", Effect::Deny), Arc::new(Broken)], [Arc::new(Broken), rules("a", Effect::Allow)]] {
            assert!(StrictestPolicy::new(policies).decide(&CallContext::local(), &request()).await.is_err());
        }
    }
}
