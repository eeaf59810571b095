//! A client in this process, by whole messages.

use std::sync::Arc;

use mcp_gateway_core::error::ErrorKind;
use mcp_gateway_core::model::Principal;
use mcp_gateway_core::protocol::code;
use mcp_gateway_core::transport::server::{MemoryClient, StreamConfig, connect_memory};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::host::{FakeHost, serve};
use crate::stream::call;

crate::tests![
    messages_go_both_ways_at_the_same_time,
    what_is_no_message_is_answered,
    a_message_over_the_limit_is_refused,
    a_receive_that_is_given_up_loses_nothing,
    the_end_of_the_client_cancels_what_runs,
    shutdown_ends_the_connection,
];

struct Client {
    host: Arc<FakeHost>,
    client: MemoryClient,
    shutdown: CancellationToken,
}

impl Client {
    async fn connect(set: impl FnOnce(&mut StreamConfig) + Send) -> Self {
        let mut config = StreamConfig::default();
        set(&mut config);
        let (host, shutdown) = (FakeHost::new(), CancellationToken::new());
        let client = connect_memory(serve(&host), Principal::new("me"), config, shutdown.clone()).await.unwrap();
        assert_eq!(*host.principals.lock().unwrap(), ["me"]);
        Self { host, client, shutdown }
    }

    async fn receive(&self) -> Option<Value> {
        let message = tokio::time::timeout(PATIENCE, self.client.receive()).await.expect("a message in time")?;
        Some(serde_json::from_str(&message).unwrap())
    }
}

async fn messages_go_both_ways_at_the_same_time() {
    let Client { host, client, .. } = &Client::connect(|_| {}).await;
    client.send(call(1, "wait", json!({})).to_string()).unwrap();
    host.until("one runs", |host| &host.running, 1).await;
    client.send(call(2, "echo", json!({"text": "é\n"})).to_string()).unwrap();
    let quick: Value = serde_json::from_str(&client.receive().await.unwrap()).unwrap();
    assert_eq!((&quick["id"], &quick["result"]["content"][0]["text"]), (&json!(2), &json!("é\n")));
    host.gate.add_permits(1);
    assert!(client.receive().await.unwrap().contains("\"id\":1"));
}

async fn what_is_no_message_is_answered() {
    let client = Client::connect(|_| {}).await;
    for (text, expected) in [("{", code::PARSE_ERROR), ("\"x\"", code::INVALID_REQUEST), ("[]", code::INVALID_REQUEST)]
    {
        client.client.send(text).unwrap();
        assert_eq!(client.receive().await.unwrap()["error"]["code"], expected, "{text}");
    }
}

async fn a_message_over_the_limit_is_refused() {
    let client = Client::connect(|config| config.max_message_bytes = 100).await;
    assert_eq!(client.client.send("x".repeat(101)).unwrap_err().kind(), ErrorKind::TooLarge);
    client.client.send(call(1, "echo", json!({"text": "x"})).to_string()).unwrap();
    assert_eq!(client.receive().await.unwrap()["id"], 1);
}

async fn a_receive_that_is_given_up_loses_nothing() {
    let client = Client::connect(|_| {}).await;
    for id in 0..50 {
        tokio::select! {
            biased;
            message = client.client.receive() => panic!("nothing was sent: {message:?}"),
            () = std::future::ready(()) => {}
        }
        client.client.send(call(id, "echo", json!({"text": "x"})).to_string()).unwrap();
        assert_eq!(client.receive().await.unwrap()["id"], id);
    }
}

async fn the_end_of_the_client_cancels_what_runs() {
    let Client { host, client, .. } = Client::connect(|_| {}).await;
    client.send(call(1, "wait", json!({})).to_string()).unwrap();
    host.until("one runs", |host| &host.running, 1).await;
    drop(client);
    host.until("the session is closed", |host| &host.closed, 1).await;
    host.until("none runs", |host| &host.running, 0).await;
}

async fn shutdown_ends_the_connection() {
    let client = Client::connect(|_| {}).await;
    client.shutdown.cancel();
    client.host.until("the session is closed", |host| &host.closed, 1).await;
    client.host.links.lock().unwrap().clear();
    assert_eq!(client.receive().await, None);
    let send = || client.client.send("{}").err().map(|error| error.kind());
    crate::until("the connection is closed", || send() == Some(ErrorKind::Closed)).await;
}
