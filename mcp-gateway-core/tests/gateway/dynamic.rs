//! Agents that add real servers: over standard input and output, over HTTP, in containers.

use std::sync::Arc;

use mcp_gateway_core::gateway::GatewayHost;
use mcp_gateway_core::model::{Effect, RuleKind};
use mcp_gateway_core::profile::{DynamicSpec, PolicyRuleSpec};
use mcp_gateway_core::runtime::GatewayInstance;
use serde_json::{Value, json};

use crate::support::binary::Place;
use crate::support::docker::{AWKWARD, Engine, boxed_entry};
use crate::support::http::Served;
use crate::support::stdio::StdioClient;
use crate::support::{Bench, awkward_entry};

/// The text of a tool that went well.
fn text(answer: &Value) -> &str {
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_client_on_standard_input_finds_adds_and_calls() {
    let place = Place::new();
    place.write_catalog(&[]);
    let mut client = StdioClient::start(place.command("gateway run --catalog catalog.yaml --lean")).await;
    let listed = client.ask("tools/list", json!({})).await;
    let names = |list: &Value| list["result"]["tools"].as_array().unwrap().len();
    assert_eq!(names(&listed), 6);
    let found = client.call("mcp-find", json!({"query": "child"})).await;
    assert_eq!(found["result"]["structuredContent"]["servers"][0]["server"], "child");
    let added = client.call("mcp-add", json!({"server": "child"})).await;
    assert_eq!(added["result"]["structuredContent"]["status"], "added", "{added}");
    let echo = client.call("mcp-exec", json!({"tool": "child.echo", "arguments": {"text": "hello"}})).await;
    assert_eq!(text(&echo), "hello");
    client.echoes("child").await;
    assert_eq!(names(&client.ask("tools/list", json!({})).await), 6, "the list stays short");
    let own = place.path("home").join("packages").join("own");
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1);
    let (status, said) = client.finish().await;
    assert!(status.success(), "{status}: {said}");
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 0, "what was added ends with the gateway");
}

#[tokio::test]
async fn two_clients_over_http_have_each_their_own() {
    let mut bench = Bench::new();
    bench.spec.dynamic = DynamicSpec::on();
    bench.catalog = bench.catalog.with_entry(awkward_entry("s", &[]));
    let running = bench.build().await;
    let served = Served::start(Arc::new(GatewayHost::new(Arc::new(running.gateway.clone()))), |_| {}).await;
    let (one, two) = (served.client().await, served.client().await);
    for client in [&one, &two] {
        client.call("mcp-add", json!({"server": "s"})).await;
    }
    running.until_running(2).await;
    let count = json!({"tool": "s.count"});
    assert_eq!(text(&one.call("mcp-exec", count.clone()).await), "1");
    assert_eq!(text(&one.call("s.count", json!({})).await), "2");
    assert_eq!(text(&two.call("mcp-exec", count.clone()).await), "1");
    one.delete().await;
    running.until_running(1).await;
    two.call("mcp-remove", json!({"server": "s"})).await;
    running.until_running(0).await;
    let answer = two.call("mcp-exec", count).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    served.stop().await;
    running.end().await;
}

#[tokio::test]
async fn no_container_is_started_for_what_is_denied_and_none_stays_of_what_was_added() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let mut bench = Bench::new().with_engine(&engine.host());
    bench.spec.dynamic = DynamicSpec::on();
    let mut rule = PolicyRuleSpec::any(Effect::Deny).with_id("not-this-one");
    rule.kind = serde_json::from_value(json!(RuleKind::AddServer)).unwrap();
    rule.arguments = serde_json::from_value(json!({"/server": {"equals": "denied"}})).unwrap();
    bench.spec.policy.rules = vec![rule];
    for name in ["denied", "fine"] {
        bench.catalog = bench.catalog.with_entry(boxed_entry(name, &[]));
    }
    let running = bench.build().await;
    let label = GatewayInstance::home_label(&running.home.path().join("run"));
    let (ctx, ..) = running.session().await;
    let error = running.error(&ctx, "mcp-add", json!({"server": "denied"})).await;
    assert!(error.report().contains("not-this-one"), "{}", error.report());
    assert!(engine.containers(&label).await.is_empty());
    running.call(&ctx, "mcp-add", json!({"server": "fine"})).await.unwrap();
    running.echoes(&ctx, "fine").await;
    let containers = engine.containers(&label).await;
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0]["Labels"]["io.mcp-gateway.session"], ctx.session.as_ref().unwrap().as_str());
    running.end().await;
    assert!(engine.containers(&label).await.is_empty());
}
