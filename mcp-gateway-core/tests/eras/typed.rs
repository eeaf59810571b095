//! Secrets that a person types on a page, sent there by clients of both eras.

use mcp_gateway_core::gateway::{Gateway as _, GatewayHost, McpGateway};
use mcp_gateway_core::model::SecretEntry;
use mcp_gateway_core::profile::DynamicSpec;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, alone, call};
use crate::dynamic::{connect_by, gateway_with, told};

async fn gateway() -> McpGateway {
    gateway_with(DynamicSpec::on().with_secret_page(), |entry| {
        entry.secrets = vec![SecretEntry::new(format!("{}.key", entry.name), "KEY")];
    })
    .await
}

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

fn yes() -> Value {
    json!({"action": "accept", "content": {"decision": "approve"}})
}

/// Types a value on a page as a browser does; gives the status.
async fn types(url: &str, value: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let form = format!("secret-0={value}");
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// Sends a request again with an answer to the one thing that was asked; gives what was asked, too.
async fn again(client: &Client, question: &Value, asked: &Value, answer: Value) -> (Value, u64) {
    let (key, request) = asked["result"]["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let mut again = question.clone();
    again["inputResponses"] = json!({key.as_str(): answer});
    again["requestState"] = asked["result"]["requestState"].clone();
    (request["params"].clone(), client.begin("tools/call", alone(able(), again)))
}

#[tokio::test]
async fn a_client_with_a_session_is_asked_by_an_id_and_told_of_the_end() {
    let gateway = gateway().await;
    for server in ["old", "new"] {
        let client = connect_by(&gateway, GatewayHost::with_local_clients).await;
        client.greet(able()).await;
        let adding = client.begin("tools/call", call("mcp-add", json!({"server": server})));
        let form = client.hear("elicitation/create").await;
        assert!(form["params"].get("mode").is_none(), "it is approved first: {form}");
        client.send(&json!({"jsonrpc": "2.0", "id": form["id"], "result": yes()}));
        let visit = client.hear("elicitation/create").await;
        assert_eq!(visit["params"]["mode"], "url");
        client.send(&json!({"jsonrpc": "2.0", "id": visit["id"], "result": {"action": "accept"}}));
        assert_eq!(types(visit["params"]["url"].as_str().unwrap(), "typed").await, "200");
        let complete = client.hear("notifications/elicitation/complete").await;
        assert_eq!(complete["params"], json!({"elicitationId": visit["params"]["elicitationId"]}));
        assert_eq!(told(&client.answer(adding).await)["status"], "added");
        let echo = client.ask("tools/call", call(&format!("{server}.echo"), json!({"x": 1}))).await;
        assert!(echo["error"].is_null(), "{echo}");
    }
    gateway.shutdown().await;
}

#[tokio::test]
async fn a_client_without_sessions_is_asked_by_a_round() {
    let gateway = gateway().await;
    for (server, types_first) in [("old", true), ("new", false)] {
        let client = connect_by(&gateway, GatewayHost::with_local_clients).await;
        let mut question = call("mcp-add", json!({"server": server}));
        // An answer that comes before the question is none.
        question["inputResponses"] =
            json!({"elicitation_1": {"action": "accept"}, "elicitation_2": {"action": "accept"}});
        let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
        let (form, id) = again(&client, &question, &asked, yes()).await;
        assert!(form.get("mode").is_none(), "it is approved first: {form}");
        let asked = client.answer(id).await;
        assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
        let url = {
            let request = asked["result"]["inputRequests"].as_object().unwrap().values().next().unwrap();
            request["params"]["url"].as_str().unwrap().to_owned()
        };
        // People are quicker than their clients, or slower.
        if types_first {
            assert_eq!(types(&url, "typed").await, "200");
        }
        let (visit, id) = again(&client, &question, &asked, json!({"action": "accept"})).await;
        assert_eq!((&visit["mode"], visit.get("elicitationId")), (&json!("url"), None), "{visit}");
        if !types_first {
            assert_eq!(types(&url, "typed").await, "200");
        }
        assert_eq!(told(&client.answer(id).await)["status"], "added");
        assert!(client.take(|message| message["method"] == "notifications/elicitation/complete").await.is_none());
        let echo = client.ask_alone(able(), "tools/call", call(&format!("{server}.echo"), json!({"x": 1}))).await;
        assert!(echo["error"].is_null(), "{echo}");
    }
    gateway.shutdown().await;
}

#[tokio::test]
async fn whoever_may_be_on_another_machine_is_not_sent_to_this_one() {
    let gateway = gateway().await;
    let client = connect_by(&gateway, |host| host).await;
    let question = call("mcp-add", json!({"server": "new"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    let (_, id) = again(&client, &question, &asked, yes()).await;
    let answer = client.answer(id).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["kind"], "missing_secret", "{answer}");
    assert!(answer.to_string().contains("mcp-gateway profile secret set new --key KEY"), "{answer}");

    let other = connect_by(&gateway, |host| host).await;
    other.greet(able()).await;
    let adding = other.begin("tools/call", call("mcp-add", json!({"server": "old"})));
    let form = other.hear("elicitation/create").await;
    other.send(&json!({"jsonrpc": "2.0", "id": form["id"], "result": yes()}));
    let answer = other.answer(adding).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["kind"], "missing_secret", "{answer}");
    gateway.shutdown().await;
}
