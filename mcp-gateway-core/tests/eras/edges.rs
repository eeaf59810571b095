//! Messages that are not what they should be.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{alone, call, text};

#[tokio::test]
async fn one_request_has_one_meaning() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(json!({})).await;
    for (params, why) in [
        (r#"{"name":"old.echo","Name":"old.fail","arguments":{}}"#, "is not how the protocol spells it"),
        (r#"{"name":"old.echo","name":"old.fail","arguments":{}}"#, "stands twice"),
        (r#"{"name":"old.echo","arguments":{"a":1,"\u0061":2}}"#, "stands twice"),
        (r#"{"name":"old.echo","Arguments":{"a":1}}"#, "is not how the protocol spells it"),
    ] {
        client.send_text(&format!(r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{params}}}"#));
        let answer = client.wait("an answer", |message| message["id"] == "x").await;
        assert_eq!(answer["error"]["code"], -32602, "{params}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(why), "{answer}");
    }
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    client.send_text(&format!(
        r#"{{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{{"name":"old.echo","arguments":{{"a":{deep}}}}}}}"#
    ));
    assert_eq!(client.wait("an answer", |message| message["id"] == "deep").await["error"]["code"], -32602);
    assert!(bench.old.heard("tools/call").is_empty(), "nothing of this reached a server");
    assert_eq!(
        text(&client.ask("tools/call", call("old.echo", json!({"Name": 1, "name": 2}))).await),
        r#"{"Name":1,"name":2}"#
    );
    bench.shutdown().await;
}

#[tokio::test]
async fn ids_of_every_kind_come_back_as_they_were() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(json!({})).await;
    for id in ["\"a\"", "-5", "18446744073709551616", "1.5", "0"] {
        client.send_text(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
        let wanted: Value = serde_json::from_str(id).unwrap();
        client.wait("the answer", |message| message["id"] == wanted && message["result"] == json!({})).await;
    }
    client.send_text(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#);
    client.wait("a refusal", |message| message["id"].is_null() && message["error"]["code"] == -32600).await;
    client.send_text(r#"{"jsonrpc":"2.0","id":99999,"result":{}}"#);
    client.send_text("\u{7f}not json");
    client.wait("a refusal", |message| message["error"]["code"] == -32700).await;
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}), "the connection goes on");
    bench.shutdown().await;
}

#[tokio::test]
async fn an_id_in_use_is_refused_and_the_first_goes_on() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(json!({})).await;
    let held = client.begin("tools/call", call("old.hold", json!({})));
    client.send(&json!({"jsonrpc": "2.0", "id": held, "method": "ping"}));
    let refused = client.wait("a refusal", |message| message["id"] == held).await;
    assert_eq!(refused["error"]["code"], -32600);
    bench.old.gate.notify_one();
    assert_eq!(text(&client.answer(held).await), "held");
    bench.shutdown().await;
}

#[tokio::test]
async fn versions_and_envelopes_that_are_not_served_are_refused_by_name() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let envelope = |version: &str| json!({"_meta": {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}}});
    let answer = client.ask("tools/list", envelope("2099-01-01")).await;
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["requested"], "2099-01-01");
    assert!(answer["error"]["data"]["supported"].as_array().unwrap().contains(&json!("2026-07-28")));
    let incomplete = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    assert_eq!(client.ask("tools/list", incomplete).await["error"]["code"], -32602);
    assert_eq!(client.ask("tools/list", json!({})).await["error"]["code"], -32600, "it came before `initialize`");
    let hello = client.ask("initialize", json!({"protocolVersion": "2026-07-28", "capabilities": {}})).await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "a handshake settles on a version that has one");
    let again = client.ask("initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}})).await;
    assert_eq!(again["error"]["code"], -32600);
    // Both eras on one connection.
    assert!(client.ask("tools/list", alone(json!({}), json!({}))).await["result"]["resultType"].is_string());
    bench.shutdown().await;
}

#[tokio::test]
async fn several_messages_may_come_as_one_where_the_version_says_so() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let hello = json!({"protocolVersion": "2025-03-26", "capabilities": {}});
    client.ask("initialize", hello).await;
    let ping = |id: u64| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    client.send(&json!([ping(71), {"jsonrpc": "2.0", "method": "notifications/x"}, ping(72)]));
    let answers = client.wait("the answers", |message| message.is_array()).await;
    assert_eq!(
        answers,
        json!([
            {"jsonrpc": "2.0", "id": 71, "result": {}}, {"jsonrpc": "2.0", "id": 72, "result": {}},
        ])
    );
    client.send(&json!([]));
    client.wait("a refusal", |message| message["error"]["code"] == -32600).await;
    let newer = bench.connect("bob").await;
    newer.greet(json!({})).await;
    newer.send(&json!([ping(71)]));
    newer.wait("a refusal", |message| message["error"]["code"] == -32600).await;
    bench.shutdown().await;
}

#[tokio::test]
async fn servers_are_met_in_their_era_and_remembered() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    client.greet(json!({})).await;
    client.ask("tools/call", call("old.echo", json!({}))).await;
    client.ask("tools/call", call("new.echo", json!({}))).await;
    assert_eq!(bench.old.heard("server/discover").len(), 1);
    assert!(bench.new.heard("initialize").is_empty());
    let other = bench.connect("bob").await;
    other.greet(json!({})).await;
    other.ask("tools/call", call("old.echo", json!({}))).await;
    assert_eq!((bench.old.heard("server/discover").len(), bench.old.heard("initialize").len()), (1, 2));
    bench.shutdown().await;
}
