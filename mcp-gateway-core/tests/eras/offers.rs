//! What is offered to whom.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{call, text};

fn names(list: &Value, member: &str) -> Vec<String> {
    list["result"][member].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn has_extra(list: &Value) -> bool {
    names(list, "tools").iter().any(|name| name.ends_with("only-with-roots"))
}

#[tokio::test]
async fn servers_offer_what_each_client_can_do() {
    let bench = Bench::new().await;
    let (able, unable, alone) = (bench.connect("ann").await, bench.connect("bob").await, bench.connect("eve").await);
    able.greet(json!({"roots": {}})).await;
    assert!(has_extra(&able.ask("tools/list", json!({})).await));
    unable.greet(json!({})).await;
    // Until a server was seen by a client that can do less, it is shown as it was seen.
    unable.ask("tools/call", call("old.echo", json!({}))).await;
    unable.ask("tools/call", call("new.echo", json!({}))).await;
    // Told once of both servers, or once of each.
    loop {
        unable.hear("notifications/tools/list_changed").await;
        if !has_extra(&unable.ask("tools/list", json!({})).await) {
            break;
        }
    }
    assert!(has_extra(&able.ask("tools/list", json!({})).await), "the one does not take from the other");
    assert!(!has_extra(&alone.ask_alone(json!({}), "tools/list", json!({})).await));
    let list = alone.ask_alone(json!({"roots": {}}), "tools/list", json!({})).await;
    assert_eq!(list["result"]["resultType"], "complete");
    assert!(has_extra(&list));
    bench.shutdown().await;
}

#[tokio::test]
async fn the_gateway_introduces_itself_in_both_ways() {
    let bench = Bench::new().await;
    let (old, new) = (bench.connect("ann").await, bench.connect("bob").await);
    // Once they were seen.
    new.ask_alone(json!({}), "tools/list", json!({})).await;
    let hello = old.greet(json!({})).await;
    let found = new.ask_alone(json!({}), "server/discover", json!({})).await["result"].clone();
    for (introduction, has_tasks) in [(&hello, true), (&found, false)] {
        let instructions = introduction["instructions"].as_str().unwrap();
        assert!(instructions.contains("## Server `old`") && instructions.contains("I am of the session era."));
        assert_eq!(introduction["capabilities"]["resources"]["subscribe"], true);
        assert_eq!(introduction["capabilities"].get("tasks").is_some(), has_tasks, "{introduction}");
        assert!(introduction["capabilities"]["extensions"]["io.modelcontextprotocol/tasks"].is_object());
    }
    assert_eq!(found["supportedVersions"][0], "2026-07-28");
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "mcp-gateway");
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "tasks/list", "unknown/method"] {
        let answer = new.ask_alone(json!({}), method, json!({})).await;
        assert_eq!(answer["error"]["code"], -32601, "{method}");
    }
    bench.shutdown().await;
}

#[tokio::test]
async fn lists_have_pages_and_keep_every_member() {
    let bench = Bench::with(|_, options| options.page_size = 5, |host| host).await;
    let client = bench.connect("ann").await;
    client.greet(json!({})).await;
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let params = cursor.map_or(json!({}), |cursor: Value| json!({"cursor": cursor}));
        let page = client.ask("tools/list", params).await;
        let tools = page["result"]["tools"].as_array().unwrap().clone();
        assert!(tools.len() <= 5 && !tools.is_empty());
        all.extend(tools);
        match page["result"].get("nextCursor") {
            Some(next) => cursor = Some(next.clone()),
            None => break,
        }
    }
    assert!(all.len() > 20);
    assert!(all.iter().all(|tool| tool["x-vendor"].is_f64() || tool["execution"].is_object()), "vendor members stay");
    assert_eq!(client.ask("tools/list", json!({"cursor": "nonsense"})).await["error"]["code"], -32602);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_server_that_grows_tells_every_listener_once() {
    let bench = Bench::new().await;
    let (one, two) = (bench.connect("ann").await, bench.connect("bob").await);
    one.greet(json!({})).await;
    two.greet(json!({})).await;
    for server in ["old", "new"] {
        one.ask("tools/list", json!({})).await;
        one.ask("tools/call", call(&format!("{server}.grow"), json!({}))).await;
        for client in [&one, &two] {
            // The first may tell that the server was seen at all.
            loop {
                client.hear("notifications/tools/list_changed").await;
                let list = client.ask("tools/list", json!({})).await;
                let grown = names(&list, "tools").iter().filter(|name| name.ends_with("grown")).count();
                if grown == if server == "old" { 1 } else { 2 } {
                    break;
                }
            }
        }
    }
    // What is told and is no change is kept to itself.
    one.ask("tools/call", call("old.grow", json!({}))).await;
    assert_eq!(text(&one.ask("tools/call", call("old.echo", json!({}))).await), "{}");
    assert!(one.heard("notifications/tools/list_changed").await.is_empty());
    bench.shutdown().await;
}
