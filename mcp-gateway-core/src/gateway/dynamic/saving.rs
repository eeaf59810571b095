//! What the profile says about changes that are to be kept, over what policy says of them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CallContext, Decision, Effect};
use crate::policy::{Explanation, Policy};
use crate::profile::SaveWord;
use crate::protocol::Request;

/// Lets nothing be kept that the profile does not let be kept; a policy can only be stricter.
#[derive(Debug)]
pub(crate) struct SavingPolicy {
    inner: Arc<dyn Policy>,
    save: SaveWord,
}

impl SavingPolicy {
    pub(crate) fn new(inner: Arc<dyn Policy>, save: SaveWord) -> Self {
        Self { inner, save }
    }

    /// The stricter of what policy says and what the profile says.
    fn over(&self, request: &Request, decision: Decision) -> Decision {
        if request.change().is_none() || !is_to_be_kept(request) {
            return decision;
        }
        let own = match self.save {
            SaveWord::Always => return decision,
            SaveWord::Ask => {
                let why = "the change is to be kept in the profile; an operator confirms it";
                Decision::new(Effect::HardConfirm, "dynamic.save", why)
            }
            _ => {
                let why = "the profile lets no change be kept; without `profile`, it ends with the session";
                Decision::new(Effect::Deny, "dynamic.save", why)
            }
        };
        if own.effect.strictness() > decision.effect.strictness() { own } else { decision }
    }
}

/// Whether a profile is named; arguments that cannot be read may name one.
fn is_to_be_kept(request: &Request) -> bool {
    let Some(arguments) = request.arguments() else { return false };
    arguments.object().map_or(true, |members| members.get("profile").is_some_and(|profile| profile.get() != "null"))
}

#[async_trait]
impl Policy for SavingPolicy {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        Ok(self.over(request, self.inner.decide(ctx, request).await?))
    }

    async fn explain(&self, ctx: &CallContext, request: &Request, time: i64) -> Result<Explanation> {
        let mut explanation = self.inner.explain(ctx, request, time).await?;
        explanation.decision = self.over(request, explanation.decision);
        Ok(explanation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ServerName;
    use crate::policy::RulePolicy;
    use crate::protocol::{GATEWAY, Target};

    #[tokio::test]
    async fn only_what_is_to_be_kept_needs_the_profiles_word() {
        let decide = async |save, policy, tool: &str, arguments| {
            let mut request = Request::call_tool(tool, &arguments).unwrap();
            request.target = Some(Target::new(ServerName::new(GATEWAY).unwrap(), tool));
            SavingPolicy::new(Arc::new(policy), save).decide(&CallContext::local(), &request).await.unwrap().effect
        };
        let allow = RulePolicy::allow_all;
        let kept = || json!({"server": "x", "profile": "p"});
        assert_eq!(decide(SaveWord::Never, allow(), "mcp-add", kept()).await, Effect::Deny);
        assert_eq!(decide(SaveWord::Ask, allow(), "mcp-add", kept()).await, Effect::HardConfirm);
        assert_eq!(decide(SaveWord::Always, allow(), "mcp-add", kept()).await, Effect::Allow);
        assert_eq!(decide(SaveWord::Ask, RulePolicy::deny_all(), "mcp-add", kept()).await, Effect::Deny);
        assert_eq!(decide(SaveWord::Never, allow(), "mcp-add", json!({"server": "x"})).await, Effect::Allow);
        assert_eq!(decide(SaveWord::Never, allow(), "mcp-add", json!({"profile": null})).await, Effect::Allow);
        assert_eq!(decide(SaveWord::Never, allow(), "mcp-find", kept()).await, Effect::Allow);
        assert_eq!(decide(SaveWord::Never, allow(), "mcp-remove", kept()).await, Effect::Deny);
    }
}
