//! HTTP+SSE, the transport of 2024-11-05.

use serde_json::{Value, json};

use crate::http::{Events, OTHER_TOKEN, Server};
use crate::stream::{call, initialize};

crate::tests![
    messages_go_up_by_post_and_down_by_the_stream,
    a_profile_has_addresses_of_its_own,
    another_principal_does_not_see_the_session,
    losing_the_stream_ends_the_session,
    what_is_no_message_is_refused,
    an_id_in_use_is_refused,
];

async fn open(server: &Server, path: &str) -> (Events, String) {
    let mut events = server.ask("GET", path).header("accept", "text/event-stream").send().await.events();
    let endpoint = events.next().await.unwrap();
    assert_eq!(endpoint.name, "endpoint");
    (events, endpoint.data)
}

async fn message(events: &mut Events) -> Value {
    let event = events.next().await.unwrap();
    assert_eq!(event.name, "message");
    event.json()
}

async fn messages_go_up_by_post_and_down_by_the_stream() {
    let server = Server::start().await;
    let (mut events, address) = open(&server, "/sse").await;
    assert!(address.starts_with("/message?sessionId="), "{address}");
    for sent in [initialize("2024-11-05"), call(1, "echo", json!({"text": "x"}))] {
        let reply = server.ask("POST", &address).json(&sent).send().await;
        assert_eq!(reply.status(), 202);
        assert_eq!(message(&mut events).await["id"], sent["id"]);
    }
    let progress = json!({"name": "progress", "arguments": {"amount": 2}, "_meta": {"progressToken": 5}});
    let sent = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": progress});
    server.ask("POST", &address).json(&sent).send().await;
    assert_eq!(message(&mut events).await["params"]["progress"], 1);
    assert_eq!(message(&mut events).await["params"]["progress"], 2);
    assert_eq!(message(&mut events).await["id"], 2);
    server.ask("POST", &address).json(&call(3, "ask", json!({}))).send().await;
    let question = message(&mut events).await;
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    assert_eq!(server.ask("POST", &address).json(&answer).status().await, 202);
    assert_eq!(message(&mut events).await["result"]["content"][0]["text"], r#"{"roots":[]}"#);
}

async fn a_profile_has_addresses_of_its_own() {
    let server = Server::start().await;
    let (mut events, address) = open(&server, "/profiles/second/sse").await;
    let rest = address.strip_prefix("/profiles/second").expect("the prefix of the profile");
    assert_eq!(server.ask("POST", rest).json(&call(1, "echo", json!({}))).status().await, 404, "not at the default");
    assert_eq!(server.ask("POST", &address).json(&initialize("2024-11-05")).status().await, 202);
    message(&mut events).await;
    assert_eq!(server.second.count(|host| &host.opened), 1);
    assert_eq!(server.host.count(|host| &host.opened), 0);
}

async fn another_principal_does_not_see_the_session() {
    let server = Server::start().await;
    let (_events, address) = open(&server, "/sse").await;
    let ask = server.ask("POST", &address).json(&initialize("2024-11-05"));
    assert_eq!(ask.header("authorization", &format!("Bearer {OTHER_TOKEN}")).status().await, 404);
}

async fn losing_the_stream_ends_the_session() {
    let server = Server::start().await;
    let (events, address) = open(&server, "/sse").await;
    server.ask("POST", &address).json(&call(1, "wait", json!({}))).send().await;
    server.host.until("it runs", |host| &host.running, 1).await;
    drop(events);
    server.host.until("closed", |host| &host.closed, 1).await;
    server.host.until("cancelled", |host| &host.running, 0).await;
    assert_eq!(server.ask("POST", &address).json(&call(2, "echo", json!({}))).status().await, 404);
}

async fn what_is_no_message_is_refused() {
    let server = Server::start().await;
    let (_events, address) = open(&server, "/sse").await;
    for body in ["hello", "{}", "[]"] {
        assert_eq!(server.ask("POST", &address).body(body).status().await, 400, "{body}");
    }
    assert_eq!(server.ask("POST", "/message").body("{}").status().await, 404);
    assert_eq!(
        server.ask("POST", &address).json(&call(1, "x", json!({}))).header("content-type", "text/plain").status().await,
        415
    );
}

async fn an_id_in_use_is_refused() {
    let server = Server::start().await;
    let (mut events, address) = open(&server, "/sse").await;
    server.ask("POST", &address).json(&call(1, "wait", json!({}))).send().await;
    server.host.until("it runs", |host| &host.running, 1).await;
    server.ask("POST", &address).json(&call(1, "echo", json!({}))).send().await;
    assert_eq!(message(&mut events).await["error"]["code"], -32600);
}
