//! Calls that go on after their answer.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::client::{call, text};

fn follows() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})
}

#[tokio::test]
async fn a_client_with_sessions_follows_its_tasks() {
    let bench = Bench::new().await;
    let (client, other) = (bench.connect("ann").await, bench.connect("ann").await);
    client.greet(json!({"tasks": {}})).await;
    other.greet(json!({"tasks": {}})).await;
    let mut long = call("old.long", json!({}));
    assert_eq!(client.ask("tools/call", long.clone()).await["error"]["code"], -32601, "the server wants a task");
    long["task"] = json!({"ttl": 60_000});
    let begun = client.ask("tools/call", long).await["result"]["task"].clone();
    let id = json!({"taskId": begun["taskId"]});
    assert_eq!((&begun["status"], &begun["ttl"]), (&json!("working"), &json!(60_000)));
    assert_eq!(other.ask("tasks/get", id.clone()).await["error"]["code"], -32602, "it is another's");
    let listed = client.ask("tasks/list", json!({})).await;
    assert_eq!(listed["result"]["tasks"][0]["taskId"], begun["taskId"]);
    assert_eq!(other.ask("tasks/list", json!({})).await["result"]["tasks"], json!([]));
    assert_eq!(client.ask("tasks/get", id.clone()).await["result"]["status"], "completed");
    assert_eq!(text(&client.ask("tasks/result", id.clone()).await), "the task's result");
    assert_eq!(client.ask("tasks/cancel", id).await["result"]["status"], "cancelled");
    assert_eq!(client.ask("tasks/get", json!({"taskId": "none"})).await["error"]["code"], -32602);
    assert_eq!(client.ask("tasks/update", json!({"taskId": "none"})).await["error"]["code"], -32601);
    bench.shutdown().await;
}

#[tokio::test]
async fn a_client_without_sessions_follows_tasks_of_both_eras() {
    let bench = Bench::new().await;
    let client = bench.connect("ann").await;
    for server in ["old", "new"] {
        let long = call(&format!("{server}.long"), json!({}));
        let refused = client.ask_alone(json!({}), "tools/call", long.clone()).await;
        assert_eq!(refused["error"]["code"], -32021, "{server}");
        assert_eq!(refused["error"]["data"]["requiredCapabilities"], follows());
        let begun = client.ask_alone(follows(), "tools/call", long).await["result"].clone();
        assert_eq!((&begun["resultType"], &begun["status"]), (&json!("task"), &json!("working")), "{server}");
        assert!(begun.get("ttlMs").is_some() && begun.get("ttl").is_none(), "{begun}");
        let id = json!({"taskId": begun["taskId"]});
        assert_eq!(client.ask_alone(json!({}), "tasks/get", id.clone()).await["error"]["code"], -32021);
        let done = client.ask_alone(follows(), "tasks/get", id.clone()).await["result"].clone();
        assert_eq!((&done["resultType"], &done["status"]), (&json!("complete"), &json!("completed")));
        assert_eq!(done["result"]["content"][0]["text"], "the task's result", "{server}");
        let cancelled = client.ask_alone(follows(), "tasks/cancel", id).await;
        assert_eq!(cancelled["result"]["resultType"], "complete", "{cancelled}");
        let unknown = client.ask_alone(follows(), "tasks/get", json!({"taskId": "none"})).await;
        assert_eq!(unknown["error"]["code"], -32602);
    }
    bench.shutdown().await;
}
