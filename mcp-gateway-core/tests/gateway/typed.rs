//! A secret that a person types on a page of the binary's, with real servers, stores and trails.

use serde_json::{Value, json};

use crate::show::{SDKS, Served, installed};
use crate::support::awkward_server;
use crate::support::binary::Place;
use crate::support::http::{form, post};
use crate::support::stdio::StdioClient;

const CANARY: &str = "Can4ry-7q0Zw9kLm2Xv8Rt5";

/// A home whose catalog has a server that lacks a secret.
fn place() -> Place {
    let place = Place::new();
    place.write(
        "catalog.yaml",
        &format!(
            "version: 3\nname: test\nregistry:\n  child:\n    type: server\n    title: \"<i>A child</i>\"\n    process:\n      command: \
             {}\n      args: []\n    secrets:\n      - {{name: child.key, env: KEY}}\n",
            awkward_server().display()
        ),
    );
    place
}

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

#[tokio::test]
async fn what_is_typed_is_in_the_store_and_nowhere_else() {
    let place = place();
    let run = "gateway run --catalog catalog.yaml --dynamic --secret-page --debug --events events.jsonl";
    let mut client = StdioClient::start_as(place.command(run), "2025-11-25", able()).await;
    let adding = client.send("tools/call", json!({"name": "mcp-add", "arguments": {"server": "child"}})).await;
    let visit = client.wait(|message| message["method"] == "elicitation/create").await;
    let url = visit["params"]["url"].as_str().unwrap().to_owned();
    client.write(&json!({"jsonrpc": "2.0", "id": visit["id"], "result": {"action": "accept"}})).await;
    let (status, page) = form(&url, &format!("secret-0={CANARY}")).await;
    assert_eq!(status, 200, "{page}");
    let added = client.answer(adding).await;
    assert_eq!(added["result"]["structuredContent"]["status"], "added", "{added}");
    client.echoes("child").await;
    let env = client.call("child.env", json!({"name": "KEY"})).await;
    assert!(env.to_string().contains("***"), "the server has it, and it is cut out of what it says: {env}");
    let mut said = client.heard.join("\n");
    let (status, errors) = client.finish().await;
    assert!(status.success(), "{status}: {errors}");
    let token = url.rsplit_once('/').unwrap().1;
    assert!(!errors.contains(token), "{errors}");
    said.push_str(&errors);
    said.push_str(&page);
    said.push_str(&std::fs::read_to_string(place.path("events.jsonl")).unwrap());
    for line in ["audit query", "secret ls --format json", "profile show default"] {
        let output = place.run(line).await;
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    assert!(said.contains("secret/set") && said.contains("default/child/KEY"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    // Later gateways have it, and ask nobody.
    let mut later = StdioClient::start_as(place.command(run), "2025-11-25", able()).await;
    let added = later.call("mcp-add", json!({"server": "child"})).await;
    assert_eq!(added["result"]["structuredContent"]["status"], "added", "{added}");
    assert!(!later.heard.join("\n").contains("elicitation/create"));
    assert!(later.finish().await.0.success());
}

#[tokio::test]
async fn without_the_operators_word_nobody_is_asked() {
    let place = place();
    let run = "gateway run --catalog catalog.yaml --dynamic";
    let mut client = StdioClient::start_as(place.command(run), "2025-11-25", able()).await;
    let answer = client.call("mcp-add", json!({"server": "child"})).await;
    assert!(is_refused(&answer), "{answer}");
    assert!(!client.heard.join("\n").contains("elicitation/create"));
    assert!(client.finish().await.0.success());
    let refused = place.run("gateway run --catalog catalog.yaml --secret-page").await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("`secretPage`") && said.contains("say `dynamic` too"), "{said}");
}

/// Whether it is answered with the operator's command.
fn is_refused(answer: &Value) -> bool {
    answer["result"]["structuredContent"]["error"]["kind"] == "missing_secret"
        && answer.to_string().contains("mcp-gateway profile secret set child --key KEY")
}

#[tokio::test]
async fn over_http_a_page_is_shown_on_this_machine_to_clients_that_are_on_it() {
    for more in ["", " --allow-host gateway.example"] {
        let place = place();
        let run = "gateway run --catalog catalog.yaml --dynamic --secret-page --transport streaming --port 0";
        let served = Served::start(place.command(&format!("{run}{more}"))).await;
        let token = format!("Bearer {}", served.token);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "mcp-add"),
        ];
        let ask = async |more: Value| -> Value {
            let mut params = json!({"name": "mcp-add", "arguments": {"server": "child"}, "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": able(),
            }});
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let (_, answer) = post(&format!("{}/mcp", served.base), &headers, &request.to_string()).await;
            let answer =
                answer.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap_or(&answer).to_owned();
            serde_json::from_str(&answer).unwrap()
        };
        let asked = ask(json!({})).await;
        if !more.is_empty() {
            assert!(is_refused(&asked), "a client that names it otherwise may be elsewhere: {asked}");
            served.stop().await;
            continue;
        }
        let (key, visit) = asked["result"]["inputRequests"].as_object().unwrap().iter().next().unwrap();
        let url = visit["params"]["url"].as_str().unwrap();
        assert!(!url.starts_with(&served.base), "the port of clients is not the one of pages");
        assert_eq!(form(url, &format!("secret-0={CANARY}")).await.0, 200);
        let state = &asked["result"]["requestState"];
        let again = json!({"inputResponses": {key.as_str(): {"action": "accept"}}, "requestState": state});
        let added = ask(again).await;
        assert_eq!(added["result"]["structuredContent"]["status"], "added", "{added}");
        served.stop().await;
    }
}

#[tokio::test]
async fn people_at_the_official_sdks_type_what_is_missing() {
    let Some(servers) = installed() else { return };
    for sdk in &SDKS {
        let place = place();
        let catalog = place.path("catalog.yaml").display().to_string();
        let gateway =
            [env!("CARGO_BIN_EXE_mcp-gateway"), "gateway", "run", "--catalog", &catalog, "--dynamic", "--secret-page"];
        let came = sdk.drive_by("typist", &servers, &place, &[&[CANARY, "stdio"], &gateway[..]].concat()).await;
        assert_eq!((&came["status"], &came["echo"]), (&json!("added"), &json!("hello")), "{}: {came}", sdk.name);
        let is_of_session = came["asked"][0]["hasId"].as_bool().unwrap();
        assert_eq!(is_of_session, sdk.name.ends_with("1.x"), "{}: {came}", sdk.name);
        assert_eq!(came["asked"], json!([{"mode": "url", "hasId": is_of_session}, 200, 200]), "{}", sdk.name);
    }
}
