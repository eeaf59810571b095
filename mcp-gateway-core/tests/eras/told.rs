//! What servers tell in the course of a call, and to whom.

use serde_json::json;

use crate::bench::Bench;
use crate::client::{alone, call, text};

#[tokio::test]
async fn progress_reaches_its_own_request_under_its_own_token() {
    let bench = Bench::new().await;
    let (one, two) = (bench.connect("ann").await, bench.connect("ann").await);
    one.greet(json!({})).await;
    for server in ["old", "new"] {
        let tool = format!("{server}.progress");
        let with_token = |token| {
            let mut params = call(&tool, json!({"amount": 3}));
            params["_meta"] = json!({"progressToken": token});
            params
        };
        let first = one.begin("tools/call", with_token("same"));
        let second = two.begin("tools/call", alone(json!({}), with_token("same")));
        let without = one.begin("tools/call", call(&tool, json!({})));
        for (client, id) in [(&one, first), (&two, second)] {
            assert_eq!(text(&client.answer(id).await), "done");
            for progress in 1..=3 {
                let told = client.hear("notifications/progress").await;
                assert_eq!(
                    (&told["params"]["progressToken"], &told["params"]["progress"]),
                    (&json!("same"), &json!(progress))
                );
            }
        }
        one.answer(without).await;
        assert!(one.heard("notifications/progress").await.is_empty(), "nobody asked for more");
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn progress_goes_on_under_the_token_of_the_request_that_took_up_the_call() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let able = json!({"elicitation": {}});
    let mut question = call("old.elicit", json!({"message": "who?"}));
    question["_meta"] = json!({"progressToken": "first"});
    let asked = client.ask_alone(able.clone(), "tools/call", question.clone()).await;
    question["_meta"] = json!({"progressToken": "second"});
    question["requestState"] = asked["result"]["requestState"].clone();
    question["inputResponses"] = json!({"elicitation_1": {"action": "accept"}});
    assert_eq!(text(&client.ask_alone(able, "tools/call", question).await), r#"[{"action":"accept"}]"#);
    let sent = bench.old.heard("tools/call");
    assert_eq!(sent[0]["params"].get("inputResponses"), None, "what belongs to one hop stays there");
    bench.shutdown().await;
}

#[tokio::test]
async fn log_messages_come_from_the_level_that_each_client_set() {
    let bench = Bench::new().await;
    let (all, few) = (bench.connect("ann").await, bench.connect("bob").await);
    for (client, level) in [(&all, "debug"), (&few, "error")] {
        client.greet(json!({})).await;
        client.ask("logging/setLevel", json!({"level": level})).await;
    }
    for server in ["old", "new"] {
        for (client, wanted) in [(&all, vec!["fine", "bad"]), (&few, vec!["bad"])] {
            client.ask("tools/call", call(&format!("{server}.log"), json!({}))).await;
            for data in wanted {
                assert_eq!(client.hear("notifications/message").await["params"]["data"], data, "{server}");
            }
            assert!(client.heard("notifications/message").await.is_empty(), "{server}");
        }
    }
    assert_eq!(all.ask("logging/setLevel", json!({"level": "loud"})).await["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_request_that_stands_alone_hears_what_it_asks_for_and_nothing_else() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let other = bench.connect("bob").await;
    other.greet(json!({})).await;
    for server in ["old", "new"] {
        let mut loud = call(&format!("{server}.log"), json!({}));
        let quiet = loud.clone();
        loud["_meta"] = json!({"io.modelcontextprotocol/logLevel": "warning"});
        client.ask_alone(json!({}), "tools/call", loud).await;
        assert_eq!(client.hear("notifications/message").await["params"]["data"], "bad", "{server}");
        client.ask_alone(json!({}), "tools/call", quiet).await;
        assert!(client.heard("notifications/message").await.is_empty(), "{server}");
        assert!(other.heard("notifications/message").await.is_empty(), "{server}");
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_progress_slows_nobody_else() {
    let bench = Bench::new().await;
    let (flooded, other) = (bench.connect("ann").await, bench.connect("bob").await);
    flooded.greet(json!({})).await;
    other.greet(json!({})).await;
    let mut params = call("old.progress", json!({"amount": 100_000}));
    params["_meta"] = json!({"progressToken": 1});
    let flood = flooded.begin("tools/call", params);
    for n in 0..100 {
        let answer = other.ask("tools/call", call("new.echo", json!({"n": n}))).await;
        assert_eq!(text(&answer), format!(r#"{{"n":{n}}}"#));
    }
    // What its client cannot take is lost, and the answer is not.
    assert_eq!(text(&flooded.answer(flood).await), "done");
    bench.shutdown().await;
}

#[tokio::test]
async fn errors_keep_code_message_and_data_and_meta_travels_both_ways() {
    let bench = Bench::new().await;
    let (old, new) = (bench.connect("ann").await, bench.connect("bob").await);
    old.greet(json!({})).await;
    for server in ["old", "new"] {
        let fail = call(&format!("{server}.fail"), json!({}));
        let wanted = json!({"code": -31234, "message": "own words", "data": {"n": 1}});
        assert_eq!(old.ask("tools/call", fail.clone()).await["error"], wanted);
        assert_eq!(new.ask_alone(json!({}), "tools/call", fail).await["error"], wanted);
        let mut echo = call(&format!("{server}.echo"), json!({"big": 1}));
        echo["_meta"] = json!({"vendor/key": {"deep": [1]}});
        let seen = old.ask("tools/call", echo.clone()).await;
        assert_eq!(seen["result"]["_meta"]["vendor/seen"], json!({"deep": [1]}));
        let seen = new.ask_alone(json!({}), "tools/call", echo).await;
        assert_eq!(seen["result"]["_meta"]["vendor/seen"], json!({"deep": [1]}));
    }
    for sent in bench.old.heard("tools/call") {
        let meta = sent["params"]["_meta"].as_object().cloned().unwrap_or_default();
        assert!(!meta.keys().any(|key| key.starts_with("io.modelcontextprotocol/")), "{meta:?}");
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_the_words_of_each_era() {
    let bench = Bench::new().await;
    let (old, new) = (bench.connect("ann").await, bench.connect("bob").await);
    old.greet(json!({})).await;
    let missing = json!({"uri": "note://none"});
    assert_eq!(old.ask("resources/read", missing.clone()).await["error"]["code"], -32602);
    let answer = new.ask_alone(json!({}), "resources/read", missing).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["data"]["uri"]), (&json!(-32602), &json!("note://none")));
    let read = new.ask_alone(json!({}), "resources/read", json!({"uri": "note://old"})).await;
    assert_eq!((&read["result"]["cacheScope"], &read["result"]["ttlMs"]), (&json!("private"), &json!(0)));
    for (method, params) in [
        ("prompts/get", json!({"name": "greet", "arguments": {"who": "ann"}})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "new__greet"}, "argument": {"name": "who", "value": "a"}}),
        ),
    ] {
        assert_eq!(new.ask_alone(json!({}), method, params.clone()).await["result"]["resultType"], "complete");
        assert!(old.ask(method, params).await["result"].get("resultType").is_none());
    }
    bench.shutdown().await;
}
