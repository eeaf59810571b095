//! Rules in written order; the first that matches decides.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::error::Result;
use crate::model::{CallContext, Decision, Effect};
use crate::protocol::{Request, RequestKind};
use crate::util::pattern::Pattern;

/// One rule: the canonical names that it covers and what may happen with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// A glob over the canonical name `server.tool`, such as `github.delete_*`.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What may happen.
    pub effect: Effect,
    /// Why, for the person whom it stops.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Rule {
    /// Makes a rule without a reason.
    pub fn new(pattern: impl Into<String>, effect: Effect) -> Self {
        Self { pattern: pattern.into(), effect, reason: String::new() }
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

/// The policy of a list of rules; also the in-memory policy of tests and examples.
///
/// # Behavior
/// - Listing is allowed; what may be listed is decided by the profile's tool selection.
/// - A request for a name that no server offers is denied by the rule `unknown name`.
/// - A request about a task is allowed unless the tool that began it is denied now.
/// - A request that no rule matches gets the default effect.
#[derive(Debug)]
pub struct RulePolicy {
    rules: Vec<(Pattern, Rule)>,
    default: Effect,
}

impl RulePolicy {
    /// Compiles rules; `default` is for what none of them matches.
    pub fn new(rules: Vec<Rule>, default: Effect) -> Self {
        let rules = rules.into_iter().map(|rule| (Pattern::new(rule.pattern.clone()), rule)).collect();
        Self { rules, default }
    }

    /// A policy that allows everything that the profile offers.
    pub fn allow_all() -> Self {
        Self::new(Vec::new(), Effect::Allow)
    }

    /// A policy that denies every request for a name.
    pub fn deny_all() -> Self {
        Self::new(Vec::new(), Effect::Deny)
    }
}

#[async_trait]
impl Policy for RulePolicy {
    async fn decide(&self, _ctx: &CallContext, request: &Request) -> Result<Decision> {
        if request.kind.list().is_some() || matches!(request.kind, RequestKind::SetLogLevel | RequestKind::ListTasks) {
            return Ok(Decision::new(Effect::Allow, "listing", "listing shows only what the profile selects"));
        }
        let Some(target) = &request.target else {
            return Ok(Decision::new(Effect::Deny, "unknown name", "no server of this profile offers it"));
        };
        let name = target.to_string();
        let decision = match self.rules.iter().find(|(pattern, _)| pattern.matches(&name)) {
            Some((_, rule)) => Decision::new(rule.effect, rule.pattern.as_str(), rule.reason.as_str()),
            None => Decision::new(self.default, "default", "no rule matches"),
        };
        // A task was confirmed when it began; to ask again for each look at it would say nothing new.
        if request.kind.is_about_task() && decision.effect != Effect::Deny {
            return Ok(Decision::new(Effect::Allow, decision.rule, "the task was decided when it began"));
        }
        Ok(decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServerName;
    use crate::protocol::Target;

    async fn effect(policy: &RulePolicy, name: Option<&str>) -> Effect {
        let mut request = Request::call_tool("x", &serde_json::json!({})).unwrap();
        request.target = name.map(|name| Target::new(ServerName::new("s").unwrap(), name));
        policy.decide(&CallContext::local(), &request).await.unwrap().effect
    }

    #[tokio::test]
    async fn the_first_matching_rule_decides() {
        let rules = vec![Rule::new("s.delete_*", Effect::Deny), Rule::new("s.*", Effect::Allow)];
        let policy = RulePolicy::new(rules, Effect::HardConfirm);
        assert_eq!(effect(&policy, Some("delete_x")).await, Effect::Deny);
        assert_eq!(effect(&policy, Some("read")).await, Effect::Allow);
        assert_eq!(effect(&policy, None).await, Effect::Deny);
        assert_eq!(effect(&RulePolicy::deny_all(), Some("read")).await, Effect::Deny);
    }
}
