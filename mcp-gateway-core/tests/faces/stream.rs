//! A client over a pair of byte streams.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::error::{ErrorKind, Result};
use mcp_gateway_core::model::Principal;
use mcp_gateway_core::protocol::code;
use mcp_gateway_core::transport::server::{StreamConfig, serve_stream};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::host::{FakeHost, serve};

crate::tests![
    requests_run_at_the_same_time,
    what_is_no_message_is_answered_and_the_connection_goes_on,
    the_newest_era_is_told_to_fall_back,
    a_batch_is_refused,
    a_message_over_the_limit_ends_the_connection_with_a_reason,
    the_end_of_input_lets_requests_finish,
    the_end_of_input_cancels_what_does_not_finish,
    a_request_over_the_bound_is_refused,
    an_id_in_use_is_refused,
    an_id_may_be_used_again,
    the_client_is_asked_and_answers,
    a_question_ends_when_the_client_goes,
    a_cancellation_right_behind_its_request_finds_it,
    notifications_to_a_client_that_does_not_read_are_dropped,
    a_client_that_does_not_read_its_answers_is_dropped,
    shutdown_ends_the_session,
    a_host_that_keeps_the_link_holds_nothing_open,
];

struct Client {
    host: Arc<FakeHost>,
    lines: BufReader<ReadHalf<DuplexStream>>,
    write: Option<WriteHalf<DuplexStream>>,
    served: JoinHandle<Result<()>>,
    shutdown: CancellationToken,
}

impl Client {
    fn connect(set: impl FnOnce(&mut StreamConfig)) -> Self {
        let mut config = StreamConfig::default();
        set(&mut config);
        let host = FakeHost::new();
        let (ours, theirs) = tokio::io::duplex(4096);
        let (read, write) = tokio::io::split(theirs);
        let shutdown = CancellationToken::new();
        let served = serve_stream(serve(&host), Principal::local(), read, write, config, shutdown.clone());
        let (lines, write) = tokio::io::split(ours);
        Self { host, lines: BufReader::new(lines), write: Some(write), served: tokio::spawn(served), shutdown }
    }

    async fn send_text(&mut self, text: &str) {
        self.write.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    async fn send(&mut self, message: Value) {
        self.send_text(&format!("{message}\n")).await;
    }

    async fn call(&mut self, id: impl Into<Value>, tool: &str, arguments: Value) {
        self.send(call(id, tool, arguments)).await;
    }

    async fn receive(&mut self) -> Value {
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, self.lines.read_line(&mut line)).await.expect("a line in time").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not a message: {line:?}"))
    }

    async fn end_input(&mut self) {
        self.write.take().unwrap().shutdown().await.unwrap();
    }

    async fn outcome(self) -> Result<()> {
        let outcome = tokio::time::timeout(PATIENCE, self.served).await.expect("the end in time").unwrap();
        assert_eq!(self.host.count(|host| &host.closed), 1, "the session is closed");
        assert_eq!(self.host.count(|host| &host.running), 0, "no request goes on");
        outcome
    }
}

pub(crate) fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

async fn requests_run_at_the_same_time() {
    let mut client = Client::connect(|_| {});
    for id in 0..8 {
        client.call(id, "wait", json!({})).await;
    }
    client.host.until("8 run", |host| &host.running, 8).await;
    client.call("quick", "echo", json!({"text": "é\n"})).await;
    let quick = client.receive().await;
    assert_eq!((&quick["id"], text(&quick)), (&json!("quick"), "é\n"), "a quick one overtakes");
    client.host.gate.add_permits(8);
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(client.receive().await["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6, 7]);
    client.end_input().await;
    client.outcome().await.unwrap();
}

async fn what_is_no_message_is_answered_and_the_connection_goes_on() {
    let mut client = Client::connect(|_| {});
    for (line, expected) in [
        ("hello", code::PARSE_ERROR),
        ("{\"jsonrpc\":", code::PARSE_ERROR),
        ("{}", code::INVALID_REQUEST),
        ("\"text\"", code::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, code::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, code::INVALID_REQUEST),
    ] {
        client.send_text(&format!("{line}\n")).await;
        let answer = client.receive().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(expected)), "{line}");
    }
    client.send_text("\r\n\n").await;
    client.send(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await;
    assert_eq!(client.receive().await, json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
}

async fn the_newest_era_is_told_to_fall_back() {
    let mut client = Client::connect(|_| {});
    client.send(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": {}}})).await;
    assert_eq!(client.receive().await["error"]["code"], code::METHOD_NOT_FOUND);
    client.send(initialize("2025-11-25")).await;
    assert_eq!(client.receive().await["result"]["protocolVersion"], "2025-11-25");
}

pub(crate) fn initialize(version: &str) -> Value {
    let params =
        json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

async fn a_batch_is_refused() {
    let mut client = Client::connect(|_| {});
    client.send(json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}])).await;
    assert_eq!(client.receive().await["error"]["code"], code::INVALID_REQUEST);
    assert_eq!(client.host.count(|host| &host.running), 0);
}

async fn a_message_over_the_limit_ends_the_connection_with_a_reason() {
    let mut client = Client::connect(|config| config.max_message_bytes = 1_000);
    client.call(1, "echo", json!({"text": "x".repeat(2_000)})).await;
    let answer = client.receive().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(code::INVALID_REQUEST)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("1000 bytes"), "{answer}");
    assert_eq!(client.outcome().await.unwrap_err().kind(), ErrorKind::TooLarge);
}

async fn the_end_of_input_lets_requests_finish() {
    let mut client = Client::connect(|_| {});
    client.call(1, "wait", json!({})).await;
    // The last line has no line break.
    client.send_text(&call(2, "wait", json!({})).to_string()).await;
    client.end_input().await;
    client.host.until("both run", |host| &host.running, 2).await;
    client.host.gate.add_permits(2);
    let (first, second) = (client.receive().await, client.receive().await);
    assert_eq!((text(&first), text(&second)), ("done", "done"));
    client.outcome().await.unwrap();
}

async fn the_end_of_input_cancels_what_does_not_finish() {
    let mut client = Client::connect(|config| config.grace = Duration::from_millis(50));
    client.call(1, "wait", json!({})).await;
    client.end_input().await;
    let host = Arc::clone(&client.host);
    client.outcome().await.unwrap();
    assert_eq!(host.count(|host| &host.dropped), 1);
}

async fn a_request_over_the_bound_is_refused() {
    let mut client = Client::connect(|config| config.max_in_flight = 2);
    for id in 1..=3 {
        client.call(id, "wait", json!({})).await;
    }
    let refused = client.receive().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(3), &json!(code::UNAVAILABLE)));
    client.host.gate.add_permits(2);
    assert_eq!(text(&client.receive().await), "done");
    assert_eq!(text(&client.receive().await), "done");
    client.call(4, "echo", json!({"text": "room again"})).await;
    assert_eq!(text(&client.receive().await), "room again");
}

async fn an_id_in_use_is_refused() {
    let mut client = Client::connect(|_| {});
    client.call("a", "wait", json!({})).await;
    client.call("a", "echo", json!({})).await;
    let refused = client.receive().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("a"), &json!(code::INVALID_REQUEST)));
    client.host.gate.add_permits(1);
    assert_eq!(text(&client.receive().await), "done", "the first one is not disturbed");
}

async fn an_id_may_be_used_again() {
    let mut client = Client::connect(|_| {});
    for round in ["one", "two", "three"] {
        client.call(1, "echo", json!({"text": round})).await;
        assert_eq!(text(&client.receive().await), round);
    }
}

async fn the_client_is_asked_and_answers() {
    let mut client = Client::connect(|_| {});
    client.call(1, "ask", json!({})).await;
    let question = client.receive().await;
    assert_eq!(question["method"], "roots/list");
    client.send(json!({"jsonrpc": "2.0", "id": 999, "result": {}})).await;
    client.send(json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}})).await;
    assert_eq!(text(&client.receive().await), r#"{"roots":[]}"#);
    client.call(2, "ask", json!({})).await;
    let question = client.receive().await;
    client.send(json!({"jsonrpc": "2.0", "id": question["id"], "error": {"code": -32601, "message": "no"}})).await;
    assert_eq!(text(&client.receive().await), "client says -32601");
}

async fn a_question_ends_when_the_client_goes() {
    let mut client = Client::connect(|config| config.grace = Duration::from_millis(50));
    client.call(1, "ask", json!({})).await;
    client.receive().await;
    let link = client.host.link();
    client.end_input().await;
    client.outcome().await.unwrap();
    let error = link.request("roots/list", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(link.notify("notifications/x", None).await.unwrap_err().kind(), ErrorKind::Closed);
}

async fn a_cancellation_right_behind_its_request_finds_it() {
    let mut client = Client::connect(|_| {});
    for id in 0..50 {
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        client.send_text(&format!("{}\n{cancel}\n", call(id, "wait", json!({})))).await;
        assert_eq!(client.receive().await["error"]["message"], "cancelled");
    }
}

async fn notifications_to_a_client_that_does_not_read_are_dropped() {
    let mut client = Client::connect(|config| config.queue = 8);
    client.call(1, "progress", json!({"amount": 1_000})).await;
    crate::until("some are refused", || client.host.count(|host| &host.refused) > 0).await;
    loop {
        let message = client.receive().await;
        if message["id"] == 1 {
            assert_eq!(text(&message), "done", "the answer comes in spite of it");
            break;
        }
    }
}

async fn a_client_that_does_not_read_its_answers_is_dropped() {
    let mut client = Client::connect(|config| {
        config.queue = 2;
        config.write_timeout = Duration::from_millis(100);
        config.grace = Duration::from_millis(100);
    });
    for id in 0..4 {
        client.call(id, "large", json!({"amount": 100_000})).await;
    }
    assert_eq!(client.outcome().await.unwrap_err().kind(), ErrorKind::Timeout);
}

async fn shutdown_ends_the_session() {
    let mut client = Client::connect(|_| {});
    client.call(1, "wait", json!({})).await;
    client.host.until("it runs", |host| &host.running, 1).await;
    client.shutdown.cancel();
    client.outcome().await.unwrap();
}

async fn a_host_that_keeps_the_link_holds_nothing_open() {
    let mut client = Client::connect(|_| {});
    client.send(initialize("2024-11-05")).await;
    client.receive().await;
    let link = client.host.link();
    client.end_input().await;
    client.outcome().await.unwrap();
    drop(link);
}
