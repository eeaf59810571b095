//! The same decision whichever way a request takes: every kind, every era, every face.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mcp_gateway_core::error::{ErrorKind, Result};
use mcp_gateway_core::gateway::{CallOptions, Gateway as _};
use mcp_gateway_core::model::{CallContext, Decision, Effect, Principal, Rule};
use mcp_gateway_core::policy::{Policy, RulePolicy};
use mcp_gateway_core::protocol::{RawJson, Request, RequestKind};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::call;

/// Rules that can be shut: everything of a server is denied then. Keeps what it was asked and what it said.
#[derive(Debug)]
struct Shutter {
    open: RulePolicy,
    shut: RulePolicy,
    is_shut: AtomicBool,
    seen: Mutex<Vec<(RequestKind, String, bool, Effect)>>,
}

impl Shutter {
    fn new() -> Arc<Self> {
        let rule = Rule::new("*", Effect::Deny).with_id("shut").with_reason("nothing goes through");
        Arc::new(Self {
            open: RulePolicy::allow_all(),
            shut: RulePolicy::new(vec![rule], Effect::Allow),
            is_shut: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
        self.seen.lock().unwrap().clear();
    }

    fn seen(&self) -> Vec<(RequestKind, String, bool, Effect)> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Policy for Shutter {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        let policy = if self.is_shut.load(Ordering::SeqCst) { &self.shut } else { &self.open };
        let decision = policy.decide(ctx, request).await?;
        if let Some(target) = &request.target {
            let described = request.described.is_some();
            self.seen.lock().unwrap().push((request.kind, target.to_string(), described, decision.effect));
        }
        Ok(decision)
    }
}

async fn bench(policy: &Arc<Shutter>) -> Bench {
    Bench::governed(|_, _| {}, |host| host, Arc::clone(policy) as _).await
}

/// Every kind of request that names something of a server, with parameters.
fn requests(server: &str) -> Vec<(RequestKind, Value)> {
    let uri = json!({"uri": format!("note://{server}")});
    vec![
        (RequestKind::CallTool, call(&format!("{server}.echo"), json!({"x": 1}))),
        (RequestKind::GetPrompt, json!({"name": format!("{server}.greet"), "arguments": {"who": "ann"}})),
        (RequestKind::ReadResource, uri.clone()),
        (RequestKind::Subscribe, uri.clone()),
        (RequestKind::Unsubscribe, uri),
        (
            RequestKind::Complete,
            json!({"ref": {"type": "ref/prompt", "name": format!("{server}.greet")}, "argument": {"name": "who", "value": "a"}}),
        ),
    ]
}

/// The kinds that name nothing of a server: lists, and what is told to the gateway itself.
fn names_nothing(kind: RequestKind) -> bool {
    kind.list().is_some() || matches!(kind, RequestKind::SetLogLevel | RequestKind::ListTasks)
}

fn follows() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})
}

#[tokio::test]
async fn every_kind_of_every_face_is_decided_alike() {
    let policy = Shutter::new();
    let bench = bench(&policy).await;
    let (greeted, alone) = (bench.connect("ann").await, bench.connect("ann").await);
    greeted.greet(json!({"tasks": {}})).await;
    let session = bench.gateway.session(Principal::new("ann")).await.unwrap();
    // Known and running, so that nothing but policy can be in the way.
    for server in ["old", "new"] {
        for (kind, params) in requests(server) {
            let answer = greeted.ask(kind.method(), params).await;
            assert!(answer.get("error").is_none(), "{kind} of {server}: {answer}");
        }
    }
    let mut long = call("old.long", json!({}));
    long["task"] = json!({});
    let task = greeted.ask("tools/call", long).await["result"]["task"]["taskId"].clone();
    let begun = alone.ask_alone(follows(), "tools/call", call("new.long", json!({}))).await;
    let other = begun["result"]["taskId"].clone();
    let heard = |method: &str| bench.old.heard(method).len() + bench.new.heard(method).len();
    let before: Vec<_> = RequestKind::ALL.iter().map(|kind| heard(kind.method())).collect();

    policy.shut();
    let mut asked = 0;
    for server in ["old", "new"] {
        for (kind, params) in requests(server) {
            let mut answers = vec![greeted.ask(kind.method(), params.clone()).await];
            if kind.is_in_stateless_era() {
                answers.push(alone.ask_alone(json!({}), kind.method(), params.clone()).await);
            }
            for answer in &answers {
                assert_eq!(answer["error"]["code"], -32001, "{kind} of {server}: {answer}");
                assert!(answer["error"].to_string().contains("nothing goes through"), "{answer}");
            }
            let params = RawJson::from_value(&params).unwrap().object().unwrap();
            let error = session.request(kind.method(), params.clone(), CallOptions::new()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{kind} of {server}");
            let error = bench.gateway.dispatch(&CallContext::local(), Request::new(kind, params)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{kind} of {server}");
            asked += answers.len() + 2;
        }
    }
    // What was begun while it was allowed is not followed any more either.
    for kind in [RequestKind::GetTask, RequestKind::TaskResult, RequestKind::CancelTask] {
        let answer = greeted.ask(kind.method(), json!({"taskId": task})).await;
        assert_eq!(answer["error"]["code"], -32001, "{kind}: {answer}");
        asked += 1;
    }
    for kind in [RequestKind::GetTask, RequestKind::UpdateTask, RequestKind::CancelTask] {
        let params = json!({"taskId": other, "inputResponses": {}});
        let answer = alone.ask_alone(follows(), kind.method(), params).await;
        assert_eq!(answer["error"]["code"], -32001, "{kind}: {answer}");
        asked += 1;
    }

    let seen = policy.seen();
    assert_eq!(seen.len(), asked, "each request is decided once");
    for (kind, target, described, effect) in &seen {
        assert_eq!(*effect, Effect::Deny, "{kind} {target}");
        assert!(described, "{kind} {target}: policy was not told what it is about");
    }
    let kinds: HashSet<RequestKind> = seen.iter().map(|(kind, ..)| *kind).collect();
    for kind in RequestKind::ALL.into_iter().filter(|kind| !names_nothing(*kind)) {
        assert!(kinds.contains(&kind), "no path of {kind} was tried");
    }
    let after: Vec<_> = RequestKind::ALL.iter().map(|kind| heard(kind.method())).collect();
    assert_eq!(before, after, "nothing came to a server");
    bench.shutdown().await;
}

#[tokio::test]
async fn rounds_are_decided_as_the_call_that_they_belong_to() {
    let policy = Shutter::new();
    let bench = bench(&policy).await;
    let client = bench.connect("ann").await;
    let able = json!({"elicitation": {"form": {}}});
    for server in ["old", "new"] {
        let question = call(&format!("{server}.elicit"), json!({"message": "who?"}));
        let ask = async |params: Value| client.ask_alone(able.clone(), "tools/call", params).await;
        let again = |asked: &Value| {
            let mut again = question.clone();
            let keys = asked["result"]["inputRequests"].as_object().unwrap().keys();
            again["inputResponses"] = keys.map(|key| (key.clone(), json!({"action": "decline"}))).collect();
            if let Some(state) = asked["result"].get("requestState") {
                again["requestState"] = state.clone();
            }
            again
        };
        let asked = ask(question.clone()).await;
        assert_eq!(asked["result"]["resultType"], "input_required", "{server}: {asked}");
        assert_eq!(ask(again(&asked)).await["result"]["resultType"], "complete", "{server}");
        let effects: HashSet<_> =
            policy.seen().into_iter().map(|(kind, target, _, effect)| (kind, target, effect)).collect();
        let wanted = (RequestKind::CallTool, format!("{server}.elicit"), Effect::Allow);
        assert_eq!(effects, HashSet::from([wanted]), "{server}");

        // A round that is a request of its own is decided anew; one that only answers a call that waits is part of it.
        let asked = ask(question.clone()).await;
        policy.shut();
        let answer = ask(again(&asked)).await;
        if server == "new" {
            assert_eq!(answer["error"]["code"], -32001, "{answer}");
        } else {
            assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
        }
        assert_eq!(ask(question.clone()).await["error"]["code"], -32001, "{server}");
        policy.is_shut.store(false, Ordering::SeqCst);
        policy.seen.lock().unwrap().clear();
    }
    bench.shutdown().await;
}
