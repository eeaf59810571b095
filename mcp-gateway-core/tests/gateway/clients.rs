//! Clients that go away in the middle of a call.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::gateway::GatewayHost;
use mcp_gateway_core::profile::Isolation;
use serde_json::json;

use crate::support::binary::Place;
use crate::support::http::Served;
use crate::support::stdio::StdioClient;
use crate::support::{Bench, LIMIT, awkward_entry, until};

#[tokio::test]
async fn a_client_over_http_that_goes_away_leaves_its_session_usable() {
    let running = Bench::new().with("s", &[]).build().await;
    let host = Arc::new(GatewayHost::new(Arc::new(running.gateway.clone())));
    let served = Served::start(host, |config| config.session_idle = LIMIT).await;
    let client = served.client().await;
    client.call("s.echo", json!({"text": "warm"})).await;
    // The connection is dropped with the call that was given up.
    let given_up = tokio::time::timeout(Duration::from_millis(300), client.call("s.hang", json!({}))).await;
    assert!(given_up.is_err(), "it hangs until it is given up");
    let answer = client.call("s.echo", json!({"text": "on another connection"})).await;
    assert_eq!(answer["result"]["content"][0]["text"], "on another connection");
    // The end of the session ends what is still under way, and gives the server back.
    client.delete().await;
    running.until_running(0).await;
    served.stop().await;
    running.end().await;
}

#[tokio::test]
async fn the_server_of_a_call_that_was_given_up_is_given_back_at_the_drain() {
    let running =
        Bench::new().with_entry(awkward_entry("s", &[]), |spec| spec.isolation = Some(Isolation::Call)).build().await;
    let host = Arc::new(GatewayHost::new(Arc::new(running.gateway.clone())));
    let served = Served::start(host, |config| config.drain = Duration::from_millis(200)).await;
    let client = served.client().await;
    let given_up = tokio::time::timeout(Duration::from_secs(2), client.call("s.hang", json!({}))).await;
    assert!(given_up.is_err());
    served.stop().await;
    running.end().await;
}

#[tokio::test]
async fn a_client_on_standard_input_that_goes_away_ends_gateway_and_servers() {
    let place = Place::new();
    place.write_catalog(&["--ignore-eof"]);
    let mut client = StdioClient::start(place.command("gateway run --catalog catalog.yaml --servers child")).await;
    client.echoes("child").await;
    client.send("tools/call", json!({"name": "child.hang", "arguments": {}})).await;
    let own = place.path("home").join("packages").join("own");
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1, "the server has a folder while it runs");
    let (status, said) = client.finish().await;
    assert!(status.success(), "{status}: {said}");
    until("the server is gone with its folder", async || std::fs::read_dir(&own).unwrap().count() == 0).await;
}

#[tokio::test]
async fn a_gateway_that_is_told_to_end_does_so_in_the_middle_of_a_call() {
    let place = Place::new();
    place.write_catalog(&[]);
    let mut client = StdioClient::start(place.command("gateway run --catalog catalog.yaml --servers child")).await;
    client.echoes("child").await;
    client.send("tools/call", json!({"name": "child.hang", "arguments": {}})).await;
    let (status, said) = client.terminate().await;
    assert!(status.success(), "{status}: {said}");
}
