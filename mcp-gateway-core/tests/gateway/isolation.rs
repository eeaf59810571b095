//! Who shares a server, and when servers are given back; as processes. Containers do the same in `containers`.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::gateway::{Gateway as _, GatewayHost};
use mcp_gateway_core::model::CallContext;
use mcp_gateway_core::profile::{Isolation, ServerSpec};
use serde_json::json;

use crate::support::http::Served;
use crate::support::{Bench, Running, awkward_entry};

async fn running(isolation: Isolation, edit: impl FnOnce(&mut ServerSpec)) -> Running {
    let entry = awkward_entry("s", &[]);
    let bench = Bench::new().with_entry(entry, |spec| {
        spec.isolation = Some(isolation);
        edit(spec);
    });
    bench.build().await
}

async fn count(running: &Running, ctx: &CallContext) -> u64 {
    running.call(ctx, "s.count", json!({})).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_session_has_a_server_of_its_own() {
    let running = running(Isolation::Session, |_| {}).await;
    let (one, first, _) = running.session().await;
    let (two, ..) = running.session().await;
    assert_eq!([count(&running, &one).await, count(&running, &one).await, count(&running, &two).await], [1, 2, 1]);
    running.until_running(2).await;
    running.gateway.close_session(&first).await;
    running.until_running(1).await;
    assert_eq!(count(&running, &two).await, 2, "the other session keeps its own");
    running.end().await;
}

#[tokio::test]
async fn shared_servers_serve_every_session() {
    let running = running(Isolation::Shared, |_| {}).await;
    let (one, first, _) = running.session().await;
    let (two, ..) = running.session().await;
    assert_eq!([count(&running, &one).await, count(&running, &two).await], [1, 2]);
    running.gateway.close_session(&first).await;
    assert_eq!(count(&running, &two).await, 3, "it outlives the session that started it");
    running.end().await;
}

#[tokio::test]
async fn each_call_has_a_fresh_server() {
    let running = running(Isolation::Call, |_| {}).await;
    let (ctx, ..) = running.session().await;
    for _ in 0..5 {
        assert_eq!(count(&running, &ctx).await, 1);
    }
    assert_eq!(running.error(&ctx, "s.crash", json!({})).await.kind(), ErrorKind::ServerExited);
    assert_eq!(count(&running, &ctx).await, 1);
    running.end().await;
}

#[tokio::test]
async fn a_server_that_is_idle_for_too_long_is_given_back_and_comes_back_when_needed() {
    let running = running(Isolation::Session, |spec| spec.idle = Some("300ms".to_owned())).await;
    let (ctx, ..) = running.session().await;
    assert_eq!(count(&running, &ctx).await, 1);
    running.until_running(0).await;
    assert_eq!(count(&running, &ctx).await, 1, "a fresh one");
    // One that is busy for longer than that is not idle.
    assert_eq!(running.call(&ctx, "s.sleep", json!({"ms": 1500})).await.unwrap(), "slept");
    running.end().await;
}

#[tokio::test]
async fn a_session_over_http_that_expires_gives_its_servers_back() {
    let running = running(Isolation::Session, |_| {}).await;
    let host = Arc::new(GatewayHost::new(Arc::new(running.gateway.clone())));
    let served = Served::start(host, |config| config.session_idle = Duration::from_millis(300)).await;
    let client = served.client().await;
    assert_eq!(client.call("s.echo", json!({"text": "x"})).await["result"]["content"][0]["text"], "x");
    running.until_running(0).await;
    assert_eq!(client.status("tools/list").await, 404, "the session is gone");
    let again = served.client().await;
    assert_eq!(again.call("s.echo", json!({"text": "y"})).await["result"]["content"][0]["text"], "y");
    served.stop().await;
    running.end().await;
}
