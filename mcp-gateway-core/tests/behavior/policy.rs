//! Every `Policy`.

use mcp_gateway_core::model::{CallContext, Effect, Principal, ServerName};
use mcp_gateway_core::policy::{Policy, Rule, RulePolicy};
use mcp_gateway_core::protocol::{ListKind, Request, Target};
use serde_json::json;

/// Checks a policy that allows `s.read`, asks for `s.send`, and denies everything else of `s`.
pub(crate) async fn check_policy(policy: &dyn Policy) {
    what_is_asked_decides(policy).await;
    listing_is_allowed(policy).await;
    what_nobody_offers_is_denied(policy).await;
    every_decision_has_a_rule_and_is_the_same_again(policy).await;
}

fn call(tool: &str) -> Request {
    let mut request = Request::call_tool(tool, &json!({"path": "/"})).unwrap();
    request.target = Some(Target::new(ServerName::new("s").unwrap(), tool));
    request
}

async fn effect(policy: &dyn Policy, request: &Request) -> Effect {
    policy.decide(&CallContext::local(), request).await.unwrap().effect
}

async fn what_is_asked_decides(policy: &dyn Policy) {
    assert_eq!(effect(policy, &call("read")).await, Effect::Allow);
    assert!(matches!(effect(policy, &call("send")).await, Effect::SoftConfirm | Effect::HardConfirm));
    for other in ["write", "reader", "READ", "read.all", "s.read", ""] {
        assert_eq!(effect(policy, &call(other)).await, Effect::Deny, "{other:?}");
    }
}

async fn listing_is_allowed(policy: &dyn Policy) {
    for kind in ListKind::ALL {
        assert_eq!(effect(policy, &Request::list(kind)).await, Effect::Allow);
    }
}

async fn what_nobody_offers_is_denied(policy: &dyn Policy) {
    let mut request = call("read");
    request.target = None;
    assert_eq!(effect(policy, &request).await, Effect::Deny);
}

async fn every_decision_has_a_rule_and_is_the_same_again(policy: &dyn Policy) {
    let ctx = CallContext::new(Principal::new("ann"));
    for tool in ["read", "send", "write"] {
        let decision = policy.decide(&ctx, &call(tool)).await.unwrap();
        assert!(!decision.rule.is_empty());
        for _ in 0..3 {
            assert_eq!(policy.decide(&ctx, &call(tool)).await.unwrap(), decision);
        }
    }
}

#[tokio::test]
async fn rules() {
    let rules = || vec![Rule::new("s.read", Effect::Allow), Rule::new("s.send", Effect::HardConfirm)];
    check_policy(&RulePolicy::new(rules(), Effect::Deny)).await;
    let mut denying = rules();
    denying.push(Rule::new("s.*", Effect::Deny).with_reason("read only"));
    check_policy(&RulePolicy::new(denying, Effect::Allow)).await;
}
