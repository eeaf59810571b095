//! What servers ask in the course of a call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{call, text, until};

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

fn answers(asked: &Value, answer: &Value) -> Value {
    let keys = asked["result"]["inputRequests"].as_object().unwrap().keys();
    Value::Object(keys.map(|key| (key.clone(), answer.clone())).collect())
}

#[tokio::test]
async fn a_client_without_sessions_answers_a_server_with_sessions() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let question = call("old.elicit", json!({"message": "who?"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let (key, request) = asked["result"]["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(request["method"], "elicitation/create");
    assert_eq!(request["params"]["message"], "who?");
    assert_eq!(request["params"]["_meta"]["mcp-gateway/server"], "old", "whoever is asked sees by whom");
    let mut again = question.clone();
    again["inputResponses"] = json!({key.as_str(): {"action": "accept", "content": {"name": "ann"}}});
    again["requestState"] = asked["result"]["requestState"].clone();
    let answer = client.ask_alone(able(), "tools/call", again.clone()).await;
    assert_eq!(text(&answer), r#"[{"action":"accept","content":{"name":"ann"}}]"#);
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(bench.old.heard("tools/call").len(), 1, "one call, however many rounds");
    // The state is good once.
    let used = client.ask_alone(able(), "tools/call", again).await;
    assert_eq!(used["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_state_is_good_for_its_own_request_only() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let question = call("old.elicit", json!({"message": "who?"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let again = |mut params: Value, state: &str| {
        params["inputResponses"] = answers(&asked, &json!({"action": "decline"}));
        params["requestState"] = state.into();
        params
    };
    let other = call("old.elicit", json!({"message": "something else?"}));
    for (params, what) in [
        (again(question.clone(), &format!("{state}x")), "tampered"),
        (again(other, &state), "another request"),
        (again(question.clone(), "mcp-gateway.1.AAAA"), "made up"),
        (again(question.clone(), "a server's own"), "a server's own, which this server cannot have"),
    ] {
        let refused = client.ask_alone(able(), "tools/call", params).await;
        assert_eq!(refused["error"]["code"], -32602, "{what}: {refused}");
    }
    // Another connection is another client.
    let stranger = bench.connect("ann").await;
    let refused = stranger.ask_alone(able(), "tools/call", again(question.clone(), &state)).await;
    assert_eq!(refused["error"]["code"], -32602);
    // None of this has used it up, and keys in another order make no other request.
    let mut same = again(question, &state);
    same["arguments"] = json!({"message": "who?"});
    let answer = client.ask_alone(able(), "tools/call", same).await;
    assert_eq!(text(&answer), r#"[{"action":"decline"}]"#);
    bench.shutdown().await;
}

#[tokio::test]
async fn what_is_no_answer_is_asked_again() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let question = call("old.elicit", json!({"message": "who?"}));
    let mut asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    for useless in [json!({}), json!({"other": {"action": "accept"}}), Value::Null, answers(&asked, &json!(12345))] {
        let mut again = question.clone();
        again["inputResponses"] = useless;
        again["requestState"] = asked["result"]["requestState"].clone();
        asked = client.ask_alone(able(), "tools/call", again).await;
        assert_eq!(asked["result"]["resultType"], "input_required");
    }
    // Answers may come before the questions.
    let mut early = question;
    early["inputResponses"] = answers(&asked, &json!({"action": "cancel"}));
    let answer = client.ask_alone(able(), "tools/call", early).await;
    assert_eq!(text(&answer), r#"[{"action":"cancel"}]"#);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_call_that_nobody_comes_back_to_is_given_up() {
    let bench = Bench::with(|_, _| {}, |host| host.with_round_time(Duration::from_millis(50))).await;
    let client = bench.connect("ann").await;
    let question = call("old.elicit", json!({"message": "who?"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    until("the call is cancelled at its server", || !bench.old.heard("notifications/cancelled").is_empty()).await;
    let mut late = question;
    late["requestState"] = asked["result"]["requestState"].clone();
    late["inputResponses"] = answers(&asked, &json!({"action": "accept"}));
    assert_eq!(client.ask_alone(able(), "tools/call", late).await["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn waiting_calls_are_bounded_and_end_with_their_client() {
    let bench = Bench::with(|_, _| {}, |host| host.with_max_parked(2)).await;
    let client = bench.connect("ann").await;
    let question = call("old.elicit", json!({"message": "who?"}));
    let mut states = Vec::new();
    for _ in 0..3 {
        let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
        states.push(asked["result"]["requestState"].clone());
    }
    until("the oldest call is given up", || bench.old.heard("notifications/cancelled").len() == 1).await;
    let mut again = question;
    again["requestState"] = states[0].clone();
    assert_eq!(client.ask_alone(able(), "tools/call", again).await["error"]["code"], -32602);
    client.close();
    until("every call is cancelled", || bench.old.heard("notifications/cancelled").len() == 3).await;
    bench.shutdown().await;
}

#[tokio::test]
async fn a_client_with_sessions_answers_servers_of_both_eras() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(able()).await;
    for server in ["old", "new"] {
        let cases = [
            ("elicit", "elicitation/create", json!({"action": "accept", "content": {"name": "ann"}})),
            (
                "sample",
                "sampling/createMessage",
                json!({"role": "assistant", "content": {"type": "text", "text": "hm"}}),
            ),
            ("roots", "roots/list", json!({"roots": [{"uri": "file:///x"}]})),
        ];
        for (tool, method, answer) in cases {
            let id = client.begin("tools/call", call(&format!("{server}.{tool}"), json!({"message": "who?"})));
            let asked = client.hear(method).await;
            client.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": answer}));
            let result = client.answer(id).await;
            assert_eq!(text(&result), json!([answer]).to_string(), "{server}.{tool}");
            assert_eq!(result["result"].get("resultType"), None, "this era has no such member");
        }
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn between_peers_without_sessions_the_rounds_are_theirs() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let question = call("new.elicit", json!({"message": "who?"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    assert_eq!(asked["result"]["requestState"], "s1", "the server's own state");
    let mut again = question;
    again["requestState"] = "s1".into();
    again["inputResponses"] = answers(&asked, &json!({"action": "accept"}));
    let answer = client.ask_alone(able(), "tools/call", again).await;
    assert_eq!(text(&answer), r#"[{"action":"accept"}]"#);
    assert_eq!(bench.new.heard("tools/call").len(), 2);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_server_for_one_call_has_its_rounds_carried() {
    let bench =
        Bench::with(|spec, _| spec.isolation = Some(mcp_gateway_core::profile::Isolation::Call), |host| host).await;
    let client = bench.connect("ann").await;
    for server in ["old", "new"] {
        let question = call(&format!("{server}.elicit"), json!({"message": "who?"}));
        let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
        assert_ne!(asked["result"]["requestState"], "s1", "the next request would meet another server");
        let mut again = question;
        again["requestState"] = asked["result"]["requestState"].clone();
        again["inputResponses"] = answers(&asked, &json!({"action": "accept"}));
        let answer = client.ask_alone(able(), "tools/call", again).await;
        assert_eq!(text(&answer), r#"[{"action":"accept"}]"#, "{server}");
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn a_client_that_cannot_answer_gets_or_causes_the_protocols_own_error() {
    let bench = Bench::new().await;
    let old = bench.connect("ann").await;
    old.greet(json!({})).await;
    let answer = old.ask("tools/call", call("old.elicit", json!({"message": "who?"}))).await;
    assert!(text(&answer).contains("-32601"), "the server is told: {answer}");
    let answer = old.ask("tools/call", call("new.elicit", json!({"message": "who?"}))).await;
    assert_eq!(answer["error"]["code"], -32021);
    assert_eq!(answer["error"]["data"]["requiredCapabilities"], json!({"elicitation": {"form": {}}}));
    let new = bench.connect("bob").await;
    let answer = new.ask_alone(json!({"roots": {}}), "tools/call", call("old.sample", json!({}))).await;
    assert!(text(&answer).contains("-32601"), "{answer}");
    bench.shutdown().await;
}

#[tokio::test]
async fn an_address_to_visit_first_is_asked_where_the_era_has_no_error_for_it() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let question = call("old.visit", json!({}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    let (key, request) = asked["result"]["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!((&request["params"]["mode"], request["params"].get("elicitationId")), (&json!("url"), None));
    let mut again = question.clone();
    again["requestState"] = asked["result"]["requestState"].clone();
    again["inputResponses"] = json!({key.as_str(): {"action": "accept"}});
    assert_eq!(text(&client.ask_alone(able(), "tools/call", again).await), "visited");
    let bench = Bench::new().await;
    let old = bench.connect("bob").await;
    old.greet(able()).await;
    assert_eq!(old.ask("tools/call", question.clone()).await["error"]["code"], -32042, "the session era has one");
    let bench = Bench::new().await;
    let unable = bench.connect("eve").await;
    let answer = unable.ask_alone(json!({"elicitation": {"form": {}}}), "tools/call", question).await;
    assert_eq!(answer["error"]["code"], -32021);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_question_that_is_cancelled_is_taken_back_from_the_client() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(able()).await;
    let id = client.begin("tools/call", call("new.elicit", json!({"message": "who?"})));
    let asked = client.hear("elicitation/create").await;
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    let taken_back = client.hear("notifications/cancelled").await;
    assert_eq!(taken_back["params"]["requestId"], asked["id"]);
    bench.shutdown().await;
}

#[tokio::test]
async fn the_time_of_a_call_stands_still_while_its_client_thinks() {
    let bench = Bench::with(|spec, _| spec.limits.call_timeout = Some("300ms".to_owned()), |host| host).await;
    let client = bench.connect("ann").await;
    client.greet(able()).await;
    let id = client.begin("tools/call", call("old.elicit", json!({"message": "who?"})));
    let asked = client.hear("elicitation/create").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    client.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}}));
    assert_eq!(text(&client.answer(id).await), r#"[{"action":"decline"}]"#);
    let late = client.ask("tools/call", call("old.hold", json!({}))).await;
    assert!(late["error"]["message"].as_str().unwrap().contains("300ms"), "{late}");
    bench.shutdown().await;
}

#[tokio::test]
async fn a_request_with_a_capability_per_request_meets_a_server_that_knows_it() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    for server in ["old", "new"] {
        let tool = call(&format!("{server}.capabilities"), json!({}));
        for capabilities in [json!({}), json!({"roots": {"listChanged": true}}), json!({"sampling": {}})] {
            let seen = client.ask_alone(capabilities.clone(), "tools/call", tool.clone()).await;
            assert_eq!(serde_json::from_str::<Value>(text(&seen)).unwrap(), capabilities, "{server}");
        }
    }
    bench.shutdown().await;
}
