//! Subscriptions of both eras, and listening.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{Client, alone, call, until};

async fn listen(client: &Client, filter: Value) -> (u64, Value) {
    let id = client.begin("subscriptions/listen", alone(json!({}), json!({"notifications": filter})));
    (id, client.hear("notifications/subscriptions/acknowledged").await)
}

#[tokio::test]
async fn updates_reach_those_who_subscribed_and_nobody_else() {
    let bench = Bench::new().await;
    let (one, two) = (bench.connect("ann").await, bench.connect("bob").await);
    one.greet(json!({})).await;
    two.greet(json!({})).await;
    let note = json!({"uri": "note://old"});
    assert_eq!(one.ask("resources/subscribe", note.clone()).await["result"], json!({}));
    one.ask("tools/call", call("old.touch", json!({}))).await;
    assert_eq!(one.hear("notifications/resources/updated").await["params"], note);
    two.ask("tools/call", call("old.touch", json!({}))).await;
    assert!(two.heard("notifications/resources/updated").await.is_empty());
    one.ask("resources/unsubscribe", note.clone()).await;
    until("the server is told", || bench.old.heard("resources/unsubscribe").len() == 1).await;
    one.ask("tools/call", call("old.touch", json!({}))).await;
    assert!(one.heard("notifications/resources/updated").await.is_empty());
    assert_eq!(one.ask("resources/subscribe", json!({"uri": "note://none"})).await["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_listener_is_acknowledged_first_and_hears_only_what_it_named() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    let (tools, acknowledged) = listen(&client, json!({"toolsListChanged": true})).await;
    assert_eq!(acknowledged["params"]["notifications"], json!({"toolsListChanged": true}));
    let (prompts, _) = listen(&client, json!({"promptsListChanged": true})).await;
    client.ask_alone(json!({}), "tools/list", json!({})).await;
    client.ask_alone(json!({}), "tools/call", call("new.grow", json!({}))).await;
    let told = client.hear("notifications/tools/list_changed").await;
    let subscription = |message: &Value| message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].clone();
    assert_eq!(subscription(&told), json!(tools));
    assert!(
        client.heard("notifications/tools/list_changed").await.iter().all(|told| subscription(told) != json!(prompts))
    );
    // Cancelled, it is over; the answer to it is not sent.
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": tools}}));
    let (empty, acknowledged) = listen(&client, json!({})).await;
    assert_eq!(acknowledged["params"]["notifications"], json!({}));
    let ended = client.answer(empty).await;
    assert_eq!(
        (&ended["result"]["resultType"], subscription(&json!({"params": ended["result"]}))),
        (&json!("complete"), json!(empty))
    );
    let wrong = client.ask_alone(json!({}), "subscriptions/listen", json!({})).await;
    assert_eq!(wrong["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_listener_hears_of_resources_of_servers_of_both_eras() {
    for server in ["old", "new"] {
        let bench = Bench::new().await;
        let client = bench.connect("ann").await;
        client.ask_alone(json!({}), "resources/list", json!({})).await;
        let note = format!("note://{server}");
        let filter = json!({"resourceSubscriptions": [note, "note://none"]});
        let (id, acknowledged) = listen(&client, filter).await;
        let honoured = &acknowledged["params"]["notifications"]["resourceSubscriptions"];
        assert_eq!(honoured, &json!([note]), "what cannot be listened for is not promised");
        client.ask_alone(json!({}), "tools/call", call(&format!("{server}.touch"), json!({}))).await;
        let told = client.hear("notifications/resources/updated").await;
        assert_eq!(told["params"]["uri"], note.as_str());
        assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], json!(id));
        client.close();
        bench.shutdown().await;
    }
}
