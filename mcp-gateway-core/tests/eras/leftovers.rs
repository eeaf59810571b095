//! Whatever clients and servers say to each other: when they are gone, nothing of it is left.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::bench::Bench;
use crate::client::{Client, alone, call};

/// Something that a client says.
#[derive(Clone, Debug)]
enum Step {
    /// Calls a tool, with or without a session.
    Call {
        server: bool,
        tool: usize,
        alone: bool,
        able: bool,
    },
    /// Repeats the call that asked for something, rightly or not.
    Again {
        answer: usize,
        tampered: bool,
    },
    /// Answers a question that a server has put.
    Answer {
        as_error: bool,
    },
    /// Takes back a request.
    Cancel {
        id: u64,
    },
    Listen {
        tools: bool,
        note: bool,
    },
    Subscribe {
        server: bool,
        back: bool,
    },
    Task {
        method: usize,
        alone: bool,
    },
    /// Says what makes no sense.
    Junk {
        kind: usize,
    },
    /// Lets everything else run.
    Pause,
}

const TOOLS: [&str; 12] =
    ["echo", "elicit", "sample", "roots", "log", "progress", "hold", "touch", "grow", "fail", "long", "visit"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..TOOLS.len(), any::<bool>(), any::<bool>())
            .prop_map(|(server, tool, alone, able)| Step::Call { server, tool, alone, able }),
        3 => (0..4_usize, any::<bool>()).prop_map(|(answer, tampered)| Step::Again { answer, tampered }),
        2 => any::<bool>().prop_map(|as_error| Step::Answer { as_error }),
        2 => (1..20_u64).prop_map(|id| Step::Cancel { id }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(tools, note)| Step::Listen { tools, note }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(server, back)| Step::Subscribe { server, back }),
        1 => (0..4_usize, any::<bool>()).prop_map(|(method, alone)| Step::Task { method, alone }),
        1 => (0..8_usize).prop_map(|kind| Step::Junk { kind }),
        1 => Just(Step::Pause),
    ]
}

struct Talk {
    client: Client,
    /// The last call that stood alone, and what it was asked.
    last: Value,
    asked: Value,
}

impl Talk {
    async fn carry_out(&mut self, step: &Step) {
        let client = &self.client;
        let able = json!({"elicitation": {"url": {}, "form": {}}, "roots": {}, "sampling": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
        match step {
            Step::Call { server, tool, alone: is_alone, able: is_able } => {
                let mut params =
                    call(&format!("{}.{}", name(*server), TOOLS[*tool]), json!({"message": "?", "amount": 5}));
                params["_meta"] = json!({"progressToken": "p"});
                if *is_alone {
                    self.last = params.clone();
                    params = alone(if *is_able { able } else { json!({}) }, params);
                }
                client.begin("tools/call", params);
            }
            Step::Again { answer, tampered } => {
                if let Some(asked) = client.take(|message| message["result"]["resultType"] == "input_required").await {
                    self.asked = asked["result"].clone();
                }
                let keys: Vec<String> =
                    self.asked["inputRequests"].as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
                let answers = [json!({"action": "accept"}), json!(7), Value::Null, json!({"roots": []})];
                let mut params = self.last.clone();
                if !params.is_object() {
                    return;
                }
                params["inputResponses"] = keys
                    .into_iter()
                    .map(|key| (key, answers[*answer].clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                let state = self.asked["requestState"].as_str().unwrap_or("none");
                params["requestState"] = format!("{state}{}", if *tampered { "x" } else { "" }).into();
                client.begin("tools/call", alone(able, params));
            }
            Step::Answer { as_error } => {
                let is_question = |message: &Value| message["method"].is_string() && message["id"].is_u64();
                if let Some(asked) = client.take(is_question).await {
                    let mut answer = json!({"jsonrpc": "2.0", "id": asked["id"]});
                    if *as_error {
                        answer["error"] = json!({"code": -1, "message": "no"});
                    } else {
                        answer["result"] = json!({"action": "decline", "roots": []});
                    }
                    client.send(&answer);
                    // Once more than it was asked.
                    client.send(&answer);
                }
            }
            Step::Cancel { id } => client
                .send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})),
            Step::Listen { tools, note } => {
                let notes: &[&str] = if *note { &["note://old", "note://new", "note://none"] } else { &[] };
                let filter = json!({"toolsListChanged": tools, "resourceSubscriptions": notes});
                client.begin("subscriptions/listen", alone(json!({}), json!({"notifications": filter})));
            }
            Step::Subscribe { server, back } => {
                let method = if *back { "resources/unsubscribe" } else { "resources/subscribe" };
                client.begin(method, json!({"uri": format!("note://{}", name(*server))}));
            }
            Step::Task { method, alone: is_alone } => {
                let method = ["tasks/get", "tasks/cancel", "tasks/result", "tasks/list"][*method];
                let params = json!({"taskId": "task-1"});
                client.begin(method, if *is_alone { alone(able, params) } else { params });
            }
            Step::Junk { kind } => client.send_text(
                [
                    "not json",
                    "[]",
                    r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
                    r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"m"}}"#,
                    r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
                    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#,
                    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#,
                    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#,
                ][*kind],
            ),
            Step::Pause => tokio::time::sleep(Duration::from_millis(3)).await,
        }
    }
}

fn name(server: bool) -> &'static str {
    if server { "old" } else { "new" }
}

async fn leaves_nothing(steps: Vec<Step>, greets: bool) -> Result<(), TestCaseError> {
    let bench = Bench::new().await;
    // Once, so that what the gateway itself goes on with is there.
    bench.settled().await;
    let before = Handle::current().metrics().num_alive_tasks();
    let client = bench.connect("ann").await;
    if greets {
        client.greet(json!({"elicitation": {}, "roots": {"listChanged": true}, "sampling": {}, "tasks": {}})).await;
    }
    let mut talk = Talk { client, last: Value::Null, asked: Value::Null };
    for step in &steps {
        talk.carry_out(step).await;
    }
    talk.client.close();
    drop(talk);
    bench.settled().await;
    let mut alive = 0;
    for _ in 0..4_000 {
        alive = Handle::current().metrics().num_alive_tasks();
        if alive <= before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    prop_assert!(alive <= before, "{alive} tasks are alive, {before} were before");
    bench.shutdown().await;
    Ok(())
}

#[test]
fn nothing_is_left_of_a_client_that_is_gone() {
    let config = Config { cases: 32, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let strategy = (proptest::collection::vec(step(), 0..40), any::<bool>());
    runner
        .run(&strategy, |(steps, greets)| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(leaves_nothing(steps, greets))
        })
        .unwrap();
}
