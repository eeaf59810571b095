//! Objects of the host's own language in every role, and what happens when they misbehave.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mcp_gateway_core::approval::{Approver, HostApprover, Question};
use mcp_gateway_core::audit::{AuditEvent, AuditQuery, AuditStore, HostAudit, verify_chain};
use mcp_gateway_core::catalog::{Catalog, HostCatalog};
use mcp_gateway_core::model::{
    CallContext, Decision, Effect, HostCaller, HostObject, Principal, SecretValue, ServerName,
};
use mcp_gateway_core::policy::{HostPolicy, Policy};
use mcp_gateway_core::protocol::{Request, Target};
use mcp_gateway_core::secrets::{HostBroker, SecretBroker, SecretKey};
use mcp_gateway_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// What an object does wrong: an answer, or none ever.
type Wrong = fn() -> Option<Value>;

type Method = Box<dyn Fn(&[Value]) -> Option<Value> + Send + Sync>;

/// An object whose methods are closures; one that gives nothing never answers.
struct Fake(HashMap<&'static str, Method>);

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

#[async_trait]
impl HostObject for Fake {
    fn name(&self) -> &str {
        "Fake"
    }

    fn has(&self, method: &str) -> bool {
        self.0.contains_key(method)
    }

    async fn call(&self, method: &'static str, arguments: SecretValue) -> Result<SecretValue> {
        let arguments: Vec<Value> = serde_json::from_str(arguments.expose()).unwrap();
        match self.0[method](&arguments) {
            Some(Value::String(text)) if text == "raise" => Err(Error::new(ErrorKind::Internal, "the host has thrown")),
            Some(Value::String(text)) if text == "garbage" => Ok(SecretValue::new("{not json, s3cret")),
            Some(answer) => Ok(SecretValue::new(answer.to_string())),
            None => std::future::pending().await,
        }
    }
}

fn caller(methods: Vec<(&'static str, Method)>) -> HostCaller {
    HostCaller::new(Arc::new(Fake(methods.into_iter().collect())), Duration::from_millis(200))
}

fn answers(answer: impl Fn(&[Value]) -> Value + Send + Sync + 'static) -> Method {
    Box::new(move |arguments| Some(answer(arguments)))
}

#[tokio::test]
async fn broker() {
    let held: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
    let text = |key: &Value| match (key["profile"].as_str(), key["server"].as_str()) {
        (None, None) => key["name"].as_str().unwrap().to_owned(),
        (profile, server) => {
            format!("{}/{}/{}", profile.unwrap_or(""), server.unwrap_or(""), key["name"].as_str().unwrap())
        }
    };
    let (get, set, delete, list) = (Arc::clone(&held), Arc::clone(&held), Arc::clone(&held), held);
    let methods: Vec<(&'static str, Method)> = vec![
        ("get", answers(move |asked| get.lock().unwrap().get(&text(&asked[0])).cloned().unwrap_or_default())),
        (
            "set",
            answers(move |asked| {
                set.lock().unwrap().insert(text(&asked[0]), asked[1].clone());
                Value::Null
            }),
        ),
        ("delete", answers(move |asked| delete.lock().unwrap().remove(&text(&asked[0])).unwrap_or_default())),
        ("list", answers(move |_| list.lock().unwrap().keys().cloned().collect())),
    ];
    super::secrets::check_broker(Arc::new(HostBroker::new(caller(methods)).unwrap()), true).await;
    let reader = HostBroker::new(caller(vec![("get", answers(|_| Value::Null))])).unwrap();
    super::secrets::check_broker(Arc::new(reader), false).await;
    assert_eq!(HostBroker::new(caller(vec![])).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn policy() {
    let decide = |asked: &[Value]| match (asked[1]["method"].as_str(), asked[1]["server"].as_str(), &asked[1]["name"]) {
        (Some(method), ..) if method.ends_with("list") => json!("allow"),
        (_, None, _) => json!("deny"),
        (_, Some("s"), name) if name == "read" => json!({"effect": "allow", "rule": "readers"}),
        (_, Some("s"), name) if name == "send" => {
            json!({"effect": "hard_confirm", "rule": "senders", "reason": "it is public"})
        }
        _ => json!({"effect": "deny"}),
    };
    super::policy::check_policy(&HostPolicy::new(caller(vec![("decide", answers(decide))])).unwrap()).await;
}

#[tokio::test]
async fn a_policy_sees_roles() {
    let decide = |asked: &[Value]| {
        let is_admin = asked[0]["roles"].as_array().is_some_and(|roles| roles.contains(&json!("admin")));
        json!(if is_admin { "allow" } else { "deny" })
    };
    let policy = HostPolicy::new(caller(vec![("decide", answers(decide))])).unwrap();
    let request = Request::call_tool("t", &json!({})).unwrap();
    let ann = Principal::new("ann");
    for (principal, effect) in [
        (ann.clone(), Effect::Deny),
        (ann.clone().with_roles(["reader"]), Effect::Deny),
        (ann.with_roles(["reader", "admin"]), Effect::Allow),
    ] {
        assert_eq!(policy.decide(&CallContext::new(principal), &request).await.unwrap().effect, effect);
    }
}

#[tokio::test]
async fn approver() {
    let approve = |asked: &[Value]| match asked[1]["name"].as_str() {
        Some("send") => json!({"granted": true, "by": "ann", "reason": "fine"}),
        Some("delete") => json!(false),
        _ => json!("maybe"),
    };
    super::approval::check_approver(&HostApprover::new(caller(vec![("approve", answers(approve))])).unwrap()).await;
}

#[tokio::test]
async fn audit() {
    let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
    let read = Arc::clone(&kept);
    let methods: Vec<(&'static str, Method)> = vec![
        (
            "append",
            answers(move |asked| {
                kept.lock().unwrap().push(asked[0].clone());
                Value::Null
            }),
        ),
        (
            "query",
            answers(move |asked| {
                let all = read.lock().unwrap();
                let newest = asked[0]["limit"].as_u64().filter(|_| asked[0].as_object().unwrap().len() == 1);
                let skip = newest.map_or(0, |limit| all.len().saturating_sub(usize::try_from(limit).unwrap()));
                all[skip..].to_vec().into()
            }),
        ),
    ];
    let object: Arc<dyn HostObject> = Arc::new(Fake(methods.into_iter().collect()));
    let store = || HostAudit::new(HostCaller::new(Arc::clone(&object), Duration::from_millis(500))).unwrap();
    super::audit::check_store(Arc::new(store())).await;
    let before = store().query(&AuditQuery::all()).await.unwrap().len() as u64;
    let event = AuditEvent::new("dev".parse().unwrap(), "local", "tools/call");
    assert_eq!(store().append(event).await.unwrap(), before + 1, "the next gateway goes on where the last one ended");
    assert!(verify_chain(&store().query(&AuditQuery::all()).await.unwrap()).is_intact());
}

/// A trail in memory that looks at nothing but `limit` and `before`, and says of its second record too late that it is kept.
fn forgetful() -> HostAudit {
    let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
    let read = Arc::clone(&kept);
    let append: Method = Box::new(move |asked| {
        let mut kept = kept.lock().unwrap();
        kept.push(asked[0].clone());
        (kept.len() != 2).then_some(Value::Null)
    });
    let query = answers(move |asked| {
        let before = asked[0]["before"].as_u64().unwrap_or(u64::MAX);
        let mut found = read.lock().unwrap().clone();
        found.retain(|record| record["sequence"].as_u64().unwrap() < before);
        let limit = usize::try_from(asked[0]["limit"].as_u64().unwrap()).unwrap();
        found.split_off(found.len().saturating_sub(limit)).into()
    });
    HostAudit::new(caller(vec![("append", append), ("query", query)])).unwrap()
}

fn called(server: &str) -> AuditEvent {
    let mut event = AuditEvent::new("dev".parse().unwrap(), "local", "tools/call");
    event.server = Some(server.parse().unwrap());
    event
}

#[tokio::test]
async fn a_record_that_is_kept_too_late_does_not_break_the_chain() {
    let store = forgetful();
    assert_eq!(store.append(called("a")).await.unwrap(), 1);
    assert_eq!(store.append(called("b")).await.unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(store.append(called("c")).await.unwrap(), 3);
    let records = store.query(&AuditQuery::all()).await.unwrap();
    assert_eq!(records.len(), 3);
    assert!(verify_chain(&records).is_intact());
}

#[tokio::test]
async fn what_an_object_does_not_filter_is_found_all_the_same() {
    let store = forgetful();
    for server in ["a", "b", "c", "c", "c", "a", "c", "c"] {
        let _ = store.append(called(server)).await;
    }
    let found = |query: &AuditQuery| {
        let (store, query) = (&store, query.clone());
        async move { store.query(&query).await.unwrap().iter().map(|record| record.sequence).collect::<Vec<_>>() }
    };
    let mut query = AuditQuery::newest(2);
    query.server = Some("a".parse().unwrap());
    assert_eq!(found(&query).await, [1, 6]);
    query.after = Some(1);
    assert_eq!(found(&query).await, [6]);
    assert_eq!(found(&AuditQuery::newest(3)).await, [6, 7, 8]);
}

#[tokio::test]
async fn catalog() {
    let list = || {
        answers(|_| {
            json!({
                "b": {"title": "B", "type": "server", "image": "example/b"},
                "a": {"title": "A", "type": "server", "image": "example/a"},
            })
        })
    };
    let whole: Arc<dyn Catalog> = Arc::new(HostCatalog::new(caller(vec![("list", list())])).unwrap());
    super::catalog::check_catalog(whole, &["a", "b"]).await;
    let get = answers(|asked| match asked[0].as_str() {
        Some(name @ ("a" | "b")) => {
            json!({"title": name.to_uppercase(), "type": "server", "image": format!("example/{name}")})
        }
        _ => Value::Null,
    });
    let both: Arc<dyn Catalog> = Arc::new(HostCatalog::new(caller(vec![("list", list()), ("get", get)])).unwrap());
    super::catalog::check_catalog(both, &["a", "b"]).await;
    let broken = HostCatalog::new(caller(vec![("list", answers(|_| json!({"a": {"type": "nonsense"}})))])).unwrap();
    assert!(broken.list().await.unwrap().is_empty(), "an entry that is broken is left out");
    assert!(broken.get(&ServerName::new("a").unwrap()).await.is_err(), "and says so when it is asked for");
}

/// What a host may do wrong: nothing of it grants, allows or gives a value.
#[tokio::test]
async fn whoever_raises_hangs_or_answers_nonsense_is_not_believed() {
    let wrong: Vec<(&str, Wrong)> = vec![
        ("raises", || Some(json!("raise"))),
        ("answers no JSON", || Some(json!("garbage"))),
        ("hangs", || None),
        ("answers a number", || Some(json!(1))),
        ("answers a list", || Some(json!([true, "allow"]))),
        ("answers a word", || Some(json!("yes"))),
        ("answers half of it", || Some(json!({"reason": "fine", "by": "ann"}))),
        ("answers the wrong type", || Some(json!({"effect": true, "granted": "true"}))),
    ];
    let mut request = Request::call_tool("t", &json!({})).unwrap();
    let target = Target::new(ServerName::new("s").unwrap(), "t");
    request.target = Some(target.clone());
    let question = Question::new(target, None, Decision::new(Effect::SoftConfirm, "s.*", ""));
    let ctx = CallContext::local();
    let event = || AuditEvent::new("dev".parse().unwrap(), "local", "tools/call");
    for (what, answer) in wrong {
        let method = || -> Method { Box::new(move |_| answer()) };
        let policy = HostPolicy::new(caller(vec![("decide", method())])).unwrap();
        let decided = policy.decide(&ctx, &request).await;
        assert!(decided.is_err(), "a policy that {what}: {decided:?}");
        let approver = HostApprover::new(caller(vec![("approve", method())])).unwrap();
        let said = approver.approve(&ctx, &question).await;
        assert!(said.is_err(), "an approver that {what}: {said:?}");
        let audit = HostAudit::new(caller(vec![("append", method()), ("query", method())])).unwrap();
        assert!(audit.append(event()).await.is_err(), "a store that {what}");
        if what != "answers a word" {
            let broker = HostBroker::new(caller(vec![("get", method())])).unwrap();
            let error = broker.get(&SecretKey::new("T").unwrap()).await.unwrap_err();
            assert!(!error.report().contains("s3cret"), "an error shows nothing of what may be a secret");
        }
    }
}
