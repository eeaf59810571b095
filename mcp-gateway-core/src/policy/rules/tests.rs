use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::{Described, Principal, ServerName};
use crate::protocol::{ListKind, RawJson, RawObject, Target};

const NOON: i64 = 1_795_780_800_000;

fn request(kind: RequestKind, name: &str) -> Request {
    let mut request = Request::new(kind, RawObject::default());
    request.target = Some(Target::new(ServerName::new("s").unwrap(), name));
    request
}

fn call(name: &str, arguments: Value) -> Request {
    let mut request = request(RequestKind::CallTool, name);
    request.params.set("arguments", RawJson::from_value(&arguments).unwrap());
    request
}

fn described(request: Request, annotations: Value, approved: bool) -> Request {
    let described = Described::new("i", "h").with_annotations(annotations).with_approved(approved);
    Request { described: Some(Arc::new(described)), ..request }
}

fn policy(yaml: &str, default: Effect) -> RulePolicy {
    RulePolicy::new(serde_saphyr::from_str(yaml).unwrap(), default)
}

async fn decide(policy: &RulePolicy, ctx: &CallContext, request: &Request) -> Decision {
    policy.explain(ctx, request, NOON).await.unwrap().decision
}

async fn effect(policy: &RulePolicy, request: &Request) -> Effect {
    decide(policy, &CallContext::local(), request).await.effect
}

#[tokio::test]
async fn the_first_matching_rule_decides() {
    let policy = policy("[{match: s.delete_*, effect: deny}, {match: s.*, effect: allow}]", Effect::HardConfirm);
    assert_eq!(effect(&policy, &call("delete_x", json!({}))).await, Effect::Deny);
    assert_eq!(effect(&policy, &call("read", json!({}))).await, Effect::Allow);
    let nobody = Request::call_tool("read", &json!({})).unwrap();
    assert_eq!(effect(&policy, &nobody).await, Effect::Deny);
    assert_eq!(effect(&RulePolicy::deny_all(), &call("read", json!({}))).await, Effect::Deny);
}

#[tokio::test]
async fn every_condition_counts() {
    let ann = CallContext::new(Principal::new("ann").with_roles(["admin", "dev"]));
    let base = || described(call("t", json!({"n": 5, "path": "/srv/a"})), json!({"destructiveHint": true}), false);
    let cases = [
        ("server: s", true),
        ("server: '!s'", false),
        ("tool: [x, t]", true),
        ("tool: ['*', '!t']", false),
        ("kind: tools/call", true),
        ("kind: [prompts/get, resources/read]", false),
        ("annotations: {destructiveHint: true}", true),
        ("annotations: {destructiveHint: false}", false),
        ("annotations: {readOnlyHint: null}", true),
        ("approved: false", true),
        ("approved: true", false),
        ("arguments: {/n: {atLeast: 5}, /path: {glob: /srv/*}}", true),
        ("arguments: {/n: {atLeast: 5}, /path: {glob: /etc/*}}", false),
        ("principal: a*", true),
        ("principal: [bob, '!ann']", false),
        ("role: dev", true),
        ("role: '!admin'", false),
        ("role: operator", false),
        ("time: {from: '11:00', until: '13:00'}", true),
        ("time: {from: '11:00', until: '13:00', zone: Asia/Tokyo}", false),
    ];
    for (condition, holds) in cases {
        let policy = policy(&format!("[{{{condition}, effect: deny}}]"), Effect::Allow);
        let decision = decide(&policy, &ann, &base()).await;
        assert_eq!(decision.effect == Effect::Deny, holds, "{condition}");
    }
}

#[tokio::test]
async fn annotations_tighten_and_do_not_loosen() {
    let rules = "[{annotations: {readOnlyHint: true}, effect: allow}, {match: s.free, effect: allow}]";
    let policy = policy(rules, Effect::HardConfirm);
    let hinted = |name, approved| described(call(name, json!({})), json!({"readOnlyHint": true}), approved);
    assert_eq!(effect(&policy, &hinted("t", false)).await, Effect::HardConfirm);
    assert_eq!(effect(&policy, &hinted("t", true)).await, Effect::Allow);
    assert_eq!(effect(&policy, &hinted("free", false)).await, Effect::Allow);
    let tight = super::tests::policy("[{annotations: {destructiveHint: true}, effect: soft_confirm}]", Effect::Allow);
    let hinted = described(call("t", json!({})), json!({"destructiveHint": true}), false);
    assert_eq!(effect(&tight, &hinted).await, Effect::SoftConfirm);
}

#[tokio::test]
async fn a_task_follows_the_call_that_began_it() {
    let policy = policy(
        "[{match: s.a, arguments: {/x: {equals: 1}}, effect: deny}, {match: s.b, effect: deny}, \
          {match: s.c, arguments: {/x: {equals: 1}}, effect: hard_confirm}, {match: s.c, effect: deny}]",
        Effect::SoftConfirm,
    );
    for kind in RequestKind::ALL.into_iter().filter(|kind| kind.is_about_task()) {
        assert_eq!(effect(&policy, &request(kind, "a")).await, Effect::Allow, "{kind}");
        assert_eq!(effect(&policy, &request(kind, "b")).await, Effect::Deny, "{kind}");
        assert_eq!(effect(&policy, &request(kind, "c")).await, Effect::Allow, "{kind}");
    }
}

#[tokio::test]
async fn lists_are_shown_unless_a_rule_names_them() {
    let policy =
        policy("[{kind: tools/list, principal: guest, effect: deny}, {match: '*', effect: deny}]", Effect::Deny);
    let guest = CallContext::new(Principal::new("guest"));
    let effects = async |ctx: &CallContext| {
        let mut effects = Vec::new();
        for kind in [ListKind::Tools, ListKind::Prompts] {
            effects.push(decide(&policy, ctx, &Request::list(kind)).await.effect);
        }
        effects
    };
    assert_eq!(effects(&guest).await, [Effect::Deny, Effect::Allow]);
    assert_eq!(effects(&CallContext::local()).await, [Effect::Allow, Effect::Allow]);
}

#[tokio::test]
async fn arguments_that_cannot_be_read_are_no_way_past_a_rule() {
    let policy = policy("[{arguments: {/x: {exists: true}}, effect: deny}]", Effect::Allow);
    let mut request = request(RequestKind::CallTool, "t");
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let Ok(deep) = RawJson::parse(deep) else { return };
    request.params.set("arguments", deep);
    assert!(policy.decide(&CallContext::local(), &request).await.is_err());
}

#[tokio::test]
async fn the_preset_reads_names_in_words() {
    let policy = RulePolicy::new(Vec::new(), Preset::Default.default_effect()).with_preset(Preset::Default);
    for (name, wanted) in [
        ("list_issues", Effect::Allow),
        ("getIssue", Effect::Allow),
        ("issue_read", Effect::Allow),
        ("search-code", Effect::Allow),
        ("create_issue", Effect::SoftConfirm),
        ("updateList", Effect::SoftConfirm),
        ("mark_as_read", Effect::SoftConfirm),
        ("delete_widget", Effect::HardConfirm),
        ("get_and_delete", Effect::HardConfirm),
        ("mergePullRequest", Effect::HardConfirm),
        ("cancel_run", Effect::HardConfirm),
        ("deploy", Effect::HardConfirm),
        ("archive_list", Effect::HardConfirm),
        ("forget_me", Effect::SoftConfirm),
        ("bread", Effect::SoftConfirm),
        ("frobnicate", Effect::SoftConfirm),
    ] {
        let decision = decide(&policy, &CallContext::local(), &call(name, json!({}))).await;
        assert_eq!(decision.effect, wanted, "{name}: {}", decision.rule);
        assert!(!decision.reason.is_empty());
    }
    let hinted = |name, annotations, approved| described(call(name, json!({})), annotations, approved);
    let destroys = json!({"destructiveHint": true});
    assert_eq!(effect(&policy, &hinted("get_x", destroys, false)).await, Effect::HardConfirm);
    let reads = json!({"readOnlyHint": true});
    assert_eq!(effect(&policy, &hinted("frobnicate", reads.clone(), false)).await, Effect::SoftConfirm);
    assert_eq!(effect(&policy, &hinted("frobnicate", reads.clone(), true)).await, Effect::Allow);
    assert_eq!(effect(&policy, &hinted("delete_x", reads, true)).await, Effect::HardConfirm);
    assert_eq!(effect(&policy, &request(RequestKind::ReadResource, "file:///delete")).await, Effect::Allow);
}

#[tokio::test]
async fn an_explanation_says_what_was_missing() {
    let policy = policy(
        "[{id: night, match: s.*, time: {from: '22:00'}, effect: deny}, {match: s.t, effect: allow}]",
        Effect::Deny,
    );
    let explanation = policy.explain(&CallContext::local(), &call("t", json!({})), NOON).await.unwrap();
    let steps: Vec<_> = explanation.steps.iter().map(|step| (step.rule.as_str(), step.unmet.as_deref())).collect();
    assert_eq!(steps, [("night", Some("time")), ("s.t", None)]);
    assert_eq!(explanation.decision.rule, "s.t");
}

#[tokio::test]
async fn what_is_remembered_of_names_is_bounded() {
    let policy = policy("[{match: s.a*, effect: deny}]", Effect::Allow);
    for number in 0..2 * MAX_REMEMBERED {
        assert_eq!(effect(&policy, &call(&format!("a{number}"), json!({}))).await, Effect::Deny);
    }
    assert!(policy.remembered.read().unwrap().len() <= MAX_REMEMBERED);
}
