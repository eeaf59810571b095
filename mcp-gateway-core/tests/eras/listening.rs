//! Subscriptions of both eras, and listening.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mcp_gateway_core::error::Result;
use mcp_gateway_core::gateway::{Gateway as _, SessionOptions};
use mcp_gateway_core::model::CallContext;
use mcp_gateway_core::protocol::{ClientCapabilities, ClientLink, RawJson, Request, RequestKind, RpcError};
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

/// Counts the updates of one client.
#[derive(Debug, Default)]
struct Updates(AtomicUsize);

#[async_trait]
impl ClientLink for Updates {
    async fn notify(&self, method: &str, _params: Option<RawJson>) -> Result<()> {
        self.0.fetch_add(usize::from(method == "notifications/resources/updated"), Ordering::SeqCst);
        Ok(())
    }

    async fn request(&self, method: &str, _params: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
        Ok(Err(RpcError::method_not_found(method)))
    }
}

#[tokio::test]
async fn what_changes_at_a_server_beside_the_sessions_own_is_heard_of_too() {
    for has_worked in [false, true] {
        let bench = Bench::new().await;
        let updates = Arc::new(Updates::default());
        let capabilities = ClientCapabilities::of(&json!({"elicitation": {}}));
        let options = SessionOptions::new().with_link(Arc::clone(&updates) as _).with_capabilities(capabilities);
        let ctx = CallContext::local().with_session(bench.gateway.open_session(options).await.unwrap());
        let send = |kind, params: Value| {
            let mut request = Request::new(kind, RawJson::from_value(&params).unwrap().object().unwrap());
            request.stands_alone = true;
            let (gateway, ctx) = (bench.gateway.clone(), ctx.clone());
            async move { gateway.dispatch(&ctx, request).await.unwrap().result.unwrap() }
        };
        let note = json!({"uri": "note://old"});
        send(RequestKind::ListResources, json!({})).await;
        // A server that may ask something works for one call alone: the next one has a server of its own.
        let holding = tokio::spawn(send(RequestKind::CallTool, call("old.hold", json!({}))));
        until("the server works", || bench.old.heard("tools/call").len() == 1).await;
        if has_worked {
            send(RequestKind::CallTool, call("old.touch", json!({}))).await;
        }
        send(RequestKind::Subscribe, note.clone()).await;
        send(RequestKind::CallTool, call("old.touch", json!({}))).await;
        until("the update is heard of", || updates.0.load(Ordering::SeqCst) == 1).await;
        assert_eq!(bench.old.heard("resources/subscribe").len(), 2);
        send(RequestKind::Unsubscribe, note).await;
        until("both are told", || bench.old.heard("resources/unsubscribe").len() == 2).await;
        bench.old.gate.notify_one();
        holding.await.unwrap();
        bench.shutdown().await;
    }
}
