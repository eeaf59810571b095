//! An engine that goes away and comes back, behind a proxy that the test cuts.

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::model::CallContext;
use mcp_gateway_core::runtime::GatewayInstance;
use serde_json::json;

use crate::support::docker::{AWKWARD, Engine, Proxy, boxed_entry};
use crate::support::{Bench, until};

#[tokio::test]
async fn servers_come_back_with_their_engine_and_nothing_is_left() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    // Short, because the path of a socket may have 107 bytes only.
    let short = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(&engine, short.path());
    let running = Bench::new()
        .with_entry(boxed_entry("s", &["--ignore-eof"]), |_| {})
        .with("child", &["--prefix", "child"])
        .with_engine(&proxy.host())
        .build()
        .await;
    let label = GatewayInstance::home_label(&running.home.path().join("run"));
    let ctx = CallContext::local();
    running.tools(&ctx).await;
    running.echoes(&ctx, "s").await;

    let hanging = running.call(&ctx, "s.hang", json!({}));
    let cut = async {
        until("the call is under way", async || running.call(&ctx, "s.count", json!({})).await.unwrap() != "1").await;
        proxy.cut().await;
    };
    let (hung, ()) = tokio::join!(hanging, cut);
    let died = hung.unwrap_err();
    assert_eq!(died.kind(), ErrorKind::ServerExited, "{}", died.report());
    let away = running.error(&ctx, "s.echo", json!({})).await;
    assert_eq!(away.kind(), ErrorKind::RuntimeUnavailable, "{}", away.report());
    assert!(away.hints().next().is_some(), "{}", away.report());
    assert_eq!(
        running.call(&ctx, "child_echo", json!({"text": "on"})).await.unwrap(),
        "on",
        "processes need no engine"
    );

    proxy.restore();
    until("calls work again", async || running.call(&ctx, "s.echo", json!({"text": "x"})).await.is_ok()).await;
    running.echoes(&ctx, "s").await;
    running.end().await;
    until("nothing is left, also of the time before", async || engine.containers(&label).await.is_empty()).await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_said_and_found_when_it_comes() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let short = tempfile::tempdir().unwrap();
    let mut proxy = Proxy::start(&engine, short.path());
    proxy.cut().await;
    let running = Bench::new().with_entry(boxed_entry("s", &[]), |_| {}).with_engine(&proxy.host()).build().await;
    let ctx = CallContext::local();
    assert!(running.tools(&ctx).await.is_empty());
    let error = running.error(&ctx, "s.echo", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable, "{}", error.report());
    proxy.restore();
    until("the server is found", async || running.call(&ctx, "s.echo", json!({"text": "x"})).await.is_ok()).await;
    running.end().await;
}
