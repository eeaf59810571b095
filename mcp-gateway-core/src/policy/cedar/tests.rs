use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::error::{Error, ErrorKind};
use crate::model::{Described, Principal, ServerName};
use crate::protocol::{RawJson, RawObject, Target};

fn sources(text: &str) -> Vec<CedarSource> {
    vec![CedarSource::new("rules/org.cedar", text)]
}

fn policy(text: &str) -> CedarPolicy {
    CedarPolicy::new(ProfileName::new("dev").unwrap(), &sources(text)).unwrap()
}

fn refusal(text: &str) -> Error {
    CedarPolicy::new(ProfileName::new("dev").unwrap(), &sources(text)).unwrap_err()
}

fn call(name: &str, arguments: Value) -> Request {
    about(Request::call_tool(name, &arguments).unwrap(), name)
}

fn about(mut request: Request, name: &str) -> Request {
    request.target = Some(Target::new(ServerName::new("github").unwrap(), name));
    request
}

/// With what the server says of itself.
fn saying(mut request: Request, annotations: Value, approved: bool) -> Request {
    let described = Described::new("sha256:abc", "d1").with_annotations(annotations).with_approved(approved);
    request.described = Some(Arc::new(described));
    request
}

async fn decide(policy: &CedarPolicy, request: &Request) -> (Effect, String) {
    let decision = policy.decide(&CallContext::local(), request).await.unwrap();
    (decision.effect, decision.rule)
}

#[tokio::test]
async fn what_nothing_permits_is_denied_and_the_strictest_permit_counts() {
    let policy = policy(
        r#"
        @id("all") permit (principal, action, resource);
        @id("writes") @confirm("soft") @reason("others see it")
        permit (principal, action, resource) when { resource.name like "create_*" };
        @confirm("hard") permit (principal, action, resource) when { resource.name like "create_release*" };
        @id("never") @reason("people do that") forbid (principal, action, resource == Tool::"github.delete_repo");
        "#,
    );
    assert_eq!(decide(&policy, &call("get_issue", json!({}))).await, (Effect::Allow, "all".to_owned()));
    assert_eq!(decide(&policy, &call("create_issue", json!({}))).await, (Effect::SoftConfirm, "writes".to_owned()));
    assert_eq!(
        decide(&policy, &call("create_release", json!({}))).await,
        (Effect::HardConfirm, "org.cedar#3".to_owned())
    );
    let denied = policy.decide(&CallContext::local(), &call("delete_repo", json!({}))).await.unwrap();
    assert_eq!(denied, Decision::new(Effect::Deny, "never", "people do that"));
    let unknown = Request::call_tool("x", &json!({})).unwrap();
    assert_eq!(decide(&policy, &unknown).await.1, "unknown name");
    let none = self::policy("");
    assert_eq!(decide(&none, &call("get_issue", json!({}))).await, (Effect::Deny, "no permit".to_owned()));
    assert_eq!(decide(&none, &Request::list(crate::protocol::ListKind::Tools)).await.0, Effect::Allow);
}

#[tokio::test]
async fn principals_roles_servers_and_profiles_are_told_apart() {
    let policy = policy(
        r#"
        @id("admins") permit (principal in Role::"admin", action, resource in Server::"github");
        @id("ann") permit (principal == Principal::"ann", action == Action::"prompts/get", resource in Profile::"dev");
        @id("agents") permit (principal, action, resource) when { principal.name like "agent-*" && resource.name == "ping" };
        "#,
    );
    let effect = async |principal: Principal, request: Request| {
        policy.decide(&CallContext::new(principal), &request).await.unwrap().effect
    };
    let prompt = || {
        let mut params = RawObject::default();
        params.set_text("name", "p");
        about(Request::new(RequestKind::GetPrompt, params), "p")
    };
    let admin = Principal::new("eve").with_roles(["dev", "admin"]);
    assert_eq!(effect(admin, call("x", json!({}))).await, Effect::Allow);
    assert_eq!(effect(Principal::new("admin"), call("x", json!({}))).await, Effect::Deny);
    assert_eq!(effect(Principal::new("ann"), prompt()).await, Effect::Allow);
    assert_eq!(effect(Principal::new("ann"), call("p", json!({}))).await, Effect::Deny);
    assert_eq!(effect(Principal::new("agent-7"), call("ping", json!({}))).await, Effect::Allow);
}

#[tokio::test]
async fn arguments_are_found_by_pointer_and_what_is_not_there_permits_nothing() {
    let policy = policy(
        r#"
        permit (principal, action == Action::"tools/call", resource)
        when { context.texts.hasTag("/to/0/a~1b") && context.texts.getTag("/to/0/a~1b") like "*@example.com" };
        permit (principal, action == Action::"tools/call", resource)
        when { context.numbers.hasTag("/amount") && context.numbers.getTag("/amount") <= 100 };
        "#,
    );
    let effect = async |arguments: Value| decide(&policy, &call("pay", arguments)).await.0;
    assert_eq!(effect(json!({"to": [{"a/b": "ann@example.com"}]})).await, Effect::Allow);
    assert_eq!(effect(json!({"to": [{"a/b": "ann@example.org"}]})).await, Effect::Deny);
    assert_eq!(effect(json!({"to": "ann@example.com"})).await, Effect::Deny);
    assert_eq!(effect(json!({"amount": 100})).await, Effect::Allow);
    assert_eq!(effect(json!({"amount": 100.0})).await, Effect::Allow);
    for amount in [json!(101), json!(99.5), json!("7"), json!(u64::MAX), json!(1e300), json!([7]), json!(null)] {
        assert_eq!(effect(json!({"amount": amount})).await, Effect::Deny, "{amount}");
    }
    // Which of two the server would read is not known.
    let mut twice = call("pay", json!({}));
    twice.params.set("arguments", RawJson::parse(r#"{"amount":1,"amount":1000}"#).unwrap());
    assert!(policy.decide(&CallContext::local(), &twice).await.is_err());
    let deep = format!("{}{}", "[".repeat(MANY), "]".repeat(MANY));
    for large in [format!("[{}0]", "0,".repeat(MANY)), format!("[{}0]", "[],".repeat(MANY)), deep] {
        let mut call = call("pay", json!({}));
        call.params.set("arguments", RawJson::parse(format!(r#"{{"amount":1,"x":{large}}}"#)).unwrap());
        assert_eq!(policy.decide(&CallContext::local(), &call).await.unwrap_err().kind(), ErrorKind::TooLarge);
    }
}

const MANY: usize = 20_000;

#[tokio::test]
async fn what_a_server_says_of_itself_tightens_and_does_not_loosen() {
    let policy = policy(
        r#"
        @id("reads") permit (principal, action, resource)
        when { resource.annotations has readOnlyHint && resource.annotations.readOnlyHint };
        @id("other") @confirm("soft") permit (principal, action, resource)
        unless { resource.annotations has readOnlyHint && resource.annotations.readOnlyHint };
        @id("destroys") @confirm("hard") permit (principal, action, resource)
        when { resource.annotations has destructiveHint && resource.annotations.destructiveHint };
        "#,
    );
    let effect = async |annotations: Value, approved: bool| {
        decide(&policy, &saying(call("x", json!({})), annotations, approved)).await.0
    };
    assert_eq!(effect(json!({"readOnlyHint": true}), true).await, Effect::Allow);
    assert_eq!(effect(json!({"readOnlyHint": true}), false).await, Effect::SoftConfirm);
    assert_eq!(effect(json!({"destructiveHint": true}), false).await, Effect::HardConfirm);
    assert_eq!(effect(json!({"readOnlyHint": "yes"}), true).await, Effect::SoftConfirm);
    assert_eq!(effect(json!("odd"), true).await, Effect::SoftConfirm);
}

#[tokio::test]
async fn a_policy_can_be_bound_to_what_runs_and_to_its_definition() {
    let policy = policy(
        r#"permit (principal, action, resource) when {
            resource has identity && resource.identity == "sha256:abc" &&
            resource has definition && resource.definition == "d1" };"#,
    );
    assert_eq!(decide(&policy, &saying(call("x", json!({})), Value::Null, false)).await.0, Effect::Allow);
    let mut other = call("x", json!({}));
    other.described = Some(Arc::new(Described::new("sha256:abd", "d1")));
    assert_eq!(decide(&policy, &other).await.0, Effect::Deny);
    assert_eq!(decide(&policy, &call("x", json!({}))).await.0, Effect::Deny);
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_denied_without_telling_arguments() {
    let policy = policy(
        r#"permit (principal, action, resource);
        @id("sum") forbid (principal, action == Action::"tools/call", resource)
        when { context.numbers.hasTag("/n") && context.numbers.getTag("/n") * 4 > 10 };"#,
    );
    assert_eq!(decide(&policy, &call("x", json!({"n": 1}))).await.0, Effect::Allow);
    let decision = policy.decide(&CallContext::local(), &call("x", json!({"n": i64::MAX}))).await.unwrap();
    assert_eq!((decision.effect, decision.rule.as_str()), (Effect::Deny, "sum"));
    assert!(!decision.reason.contains(&i64::MAX.to_string()));
}

#[tokio::test]
async fn tasks_are_their_own_actions_and_are_not_confirmed_again() {
    let policy =
        policy(r#"@confirm("hard") permit (principal, action in [Action::"tools/call", Action::"tasks"], resource);"#);
    for kind in [RequestKind::GetTask, RequestKind::UpdateTask, RequestKind::CancelTask, RequestKind::TaskResult] {
        assert_eq!(decide(&policy, &about(Request::new(kind, RawObject::default()), "x")).await.0, Effect::Allow);
    }
    assert_eq!(decide(&policy, &call("x", json!({}))).await.0, Effect::HardConfirm);
    let only_calls = self::policy(r#"permit (principal, action == Action::"tools/call", resource);"#);
    let looking = about(Request::new(RequestKind::GetTask, RawObject::default()), "x");
    assert_eq!(decide(&only_calls, &looking).await.0, Effect::Deny);
}

#[tokio::test]
async fn every_kind_of_request_has_its_action() {
    let policy = policy(r#"@id("all") permit (principal, action, resource);"#);
    for kind in RequestKind::ALL {
        let mut params = RawObject::default();
        params.set("ref", RawJson::from_value(&json!({"type": "ref/resource", "uri": "x://{y}"})).unwrap());
        let (effect, rule) = decide(&policy, &about(Request::new(kind, params), "x")).await;
        assert_eq!(effect, Effect::Allow, "{kind}");
        let is_free = kind.list().is_some() || matches!(kind, RequestKind::SetLogLevel | RequestKind::ListTasks);
        assert_eq!(rule, if is_free { "listing" } else { "all" }, "{kind}");
    }
}

#[test]
fn the_time_is_that_of_the_question() {
    let policy = policy(r#"permit (principal, action, resource) when { context.time < datetime("2026-12-23") };"#);
    let effect = |time: i64| policy.judge(&CallContext::local(), &call("x", json!({})), time).unwrap().effect;
    assert_eq!(effect(1_782_000_000_123), Effect::Allow);
    assert_eq!(effect(1_800_000_000_000), Effect::Deny);
}

#[test]
fn mistakes_are_refused_with_their_place() {
    let place = |error: &Error| error.context().find(|(key, _)| *key == "file").unwrap().1.to_owned();
    let unknown = refusal("permit (principal, action, resource)\nwhen { resource.nmae == \"x\" };");
    assert_eq!(
        (unknown.kind(), place(&unknown).as_str()),
        (ErrorKind::InvalidConfig, "rules/org.cedar:2:8"),
        "{unknown}"
    );
    let syntax = refusal("permit (principal, action, resource);\n\npermit (principal action);");
    assert!(place(&syntax).starts_with("rules/org.cedar:3:"), "{syntax}");
    for (text, says) in [
        (r#"@confrim("hard") permit (principal, action, resource);"#, "is it `@confirm`?"),
        (r#"@confirm("maybe") permit (principal, action, resource);"#, "is no confirmation"),
        (r#"@confirm("soft") forbid (principal, action, resource);"#, "cannot be confirmed"),
        (r#"@id("") permit (principal, action, resource);"#, "no name"),
        ("permit (principal == ?principal, action, resource);", "slot"),
        (r#"permit (principal, action == Action::"tools/cal", resource);"#, "tools/cal"),
        (r#"permit (principal, action, resource) when { context.texts.hasTag("/a") };"#, "texts"),
        (
            r#"permit (principal, action == Action::"tools/call", resource) when { context.texts.getTag("/a") == "b" };"#,
            "tag",
        ),
    ] {
        let error = refusal(text);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}");
        assert!(error.report().contains(says), "{text}: {}", error.report());
        assert!(place(&error).starts_with("rules/org.cedar"), "{text}");
    }
    let twice = r#"@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);"#;
    assert!(refusal(twice).to_string().contains("another policy `a`"));
}

#[test]
fn a_policy_that_never_applies_is_a_warning() {
    let policy = policy("permit (principal, action, resource);\nforbid (principal, action, resource) when { false };");
    assert_eq!(policy.warnings().len(), 1);
    assert!(policy.warnings()[0].contains("org.cedar:2:"), "{:?}", policy.warnings());
}

#[test]
fn the_example_of_the_document_can_be_loaded() {
    let example = include_str!("docs.md").split("```cedar\n").nth(1).unwrap().split("```").next().unwrap();
    let policy = policy(example);
    assert_eq!((policy.said.len(), policy.warnings().len()), (4, 0));
}
