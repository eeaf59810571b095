//! Servers in containers: how they run, who shares them, and that none is left.

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::gateway::Gateway as _;
use mcp_gateway_core::gateway::ServerState;
use mcp_gateway_core::model::{CallContext, ServerEntry};
use mcp_gateway_core::profile::{Isolation, ServerSpec};
use mcp_gateway_core::runtime::GatewayInstance;
use serde_json::{Value, json};

use crate::support::docker::{AWKWARD, Engine, boxed_entry};
use crate::support::{Bench, Running, server_name, until};

fn label(running: &Running) -> String {
    GatewayInstance::home_label(&running.home.path().join("run"))
}

async fn boxed(engine: &Engine, flags: &[&str], edit: impl FnOnce(&mut ServerSpec)) -> Running {
    Bench::new().with_entry(boxed_entry("s", flags), edit).with_engine(&engine.host()).build().await
}

/// Shuts down; the engine itself is asked whether anything is left.
async fn end(engine: &Engine, running: Running) {
    let label = label(&running);
    running.end().await;
    assert_eq!(engine.containers(&label).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_call_travels_into_a_hardened_container_and_back() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = boxed(&engine, &[], |_| {}).await;
    let (ctx, session, _) = running.session().await;
    assert!(running.tools(&ctx).await.contains(&"echo".to_owned()));
    running.echoes(&ctx, "s").await;
    let containers = engine.containers(&label(&running)).await;
    assert_eq!(containers.len(), 1);
    let labels = &containers[0]["Labels"];
    assert_eq!(labels["io.mcp-gateway.profile"], "p");
    assert_eq!(labels["io.mcp-gateway.server"], "s");
    assert_eq!(labels["io.mcp-gateway.session"], session.as_str());
    let host = &engine.inspect(containers[0]["Id"].as_str().unwrap()).await["HostConfig"];
    assert_eq!(host["NetworkMode"], "none");
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["Init"], true);
    assert_eq!(host["Memory"], 2_u64 << 30);
    assert_eq!(host["PidsLimit"], 256);
    assert!(
        host["SecurityOpt"]
            .as_array()
            .unwrap()
            .iter()
            .any(|option| option.as_str().unwrap().starts_with("no-new-privileges"))
    );
    let env = async |name: &str| running.call(&ctx, "s.env", json!({"name": name})).await.unwrap();
    assert_eq!(env("CARGO_MANIFEST_DIR").await, "unset");
    let outside = running.call(&ctx, "s.write_file", json!({"path": "/usr/x"})).await.unwrap();
    assert!(outside.contains("Read-only file system"), "{outside}");
    assert_eq!(running.call(&ctx, "s.write_file", json!({"path": "/tmp/x"})).await.unwrap(), "written");
    end(&engine, running).await;
}

#[tokio::test]
async fn awkward_servers_are_as_harmless_in_containers() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = Bench::new()
        .with_entry(boxed_entry("s", &["--junk", "--ignore-eof"]), |spec| {
            spec.limits.call_timeout = Some("5s".to_owned());
        })
        .with_entry(boxed_entry("broken", &["--crash-at-start"]), |_| {})
        .with_entry(boxed_entry("silent", &["--silent"]), |spec| spec.limits.start_timeout = Some("3s".to_owned()))
        .with_engine(&engine.host())
        .build()
        .await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let reason = running.status("broken").await.reason.unwrap();
    assert!(reason.contains("cannot open the database: no such host"), "{reason}");
    until("the silent one is given up", async || running.status("silent").await.state == ServerState::Failed).await;
    running.echoes(&ctx, "s").await;
    assert_eq!(running.call(&ctx, "s.flood", json!({"lines": 20_000})).await.unwrap(), "done");
    let error = running.error(&ctx, "s.hang", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.report());
    let error = running.error(&ctx, "s.big", json!({"bytes": 50_000_000})).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", error.report());
    running.echoes(&ctx, "s").await;
    let error = running.error(&ctx, "s.crash", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::ServerExited, "{}", error.report());
    assert!(error.report().contains("out of cheese"), "{}", error.report());
    until("it comes back", async || running.call(&ctx, "s.echo", json!({"text": "x"})).await.is_ok()).await;
    end(&engine, running).await;
}

#[tokio::test]
async fn an_image_that_does_not_exist_is_named() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let nowhere = ServerEntry::image(server_name("nowhere"), "mcp-gateway-test/no-such-image:1");
    let running = Bench::new()
        .with_entry(nowhere, |_| {})
        .with_entry(boxed_entry("s", &[]), |_| {})
        .with_engine(&engine.host())
        .build()
        .await;
    let (ctx, ..) = running.session().await;
    assert!(running.tools(&ctx).await.contains(&"echo".to_owned()), "the other server is listed");
    let status = running.status("nowhere").await;
    assert_eq!(status.state, ServerState::Failed);
    let reason = status.reason.unwrap();
    assert!(reason.contains("mcp-gateway-test/no-such-image:1"), "{reason}");
    running.echoes(&ctx, "s").await;
    end(&engine, running).await;
}

#[tokio::test]
async fn sessions_have_containers_of_their_own_and_give_them_back() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = boxed(&engine, &[], |_| {}).await;
    let (one, first, _) = running.session().await;
    let (two, ..) = running.session().await;
    running.echoes(&one, "s").await;
    running.echoes(&two, "s").await;
    running.until_running(2).await;
    running.gateway.close_session(&first).await;
    running.until_running(1).await;
    running.echoes(&two, "s").await;
    end(&engine, running).await;
}

#[tokio::test]
async fn one_shared_container_serves_every_session() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = boxed(&engine, &[], |spec| spec.isolation = Some(Isolation::Shared)).await;
    let (one, first, _) = running.session().await;
    let (two, ..) = running.session().await;
    assert_eq!(running.call(&one, "s.count", json!({})).await.unwrap(), "1");
    running.gateway.close_session(&first).await;
    assert_eq!(running.call(&two, "s.count", json!({})).await.unwrap(), "2");
    assert_eq!(engine.containers(&label(&running)).await.len(), 1);
    end(&engine, running).await;
}

#[tokio::test]
async fn each_call_takes_a_fresh_container_from_a_paused_pool() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = boxed(&engine, &[], |spec| spec.isolation = Some(Isolation::Call)).await;
    let (ctx, ..) = running.session().await;
    let ids = async |state: &str| {
        let containers = engine.containers(&label(&running)).await;
        let mut ids: Vec<_> = containers.iter().filter(|c| c["State"] == state).map(|c| c["Id"].to_string()).collect();
        ids.sort();
        ids
    };
    running.tools(&ctx).await;
    for _ in 0..4 {
        until("two wait in the pool, paused, and nothing else runs", async || {
            ids("paused").await.len() == 2 && ids("running").await.is_empty()
        })
        .await;
        let waiting = ids("paused").await;
        assert_eq!(running.call(&ctx, "s.count", json!({})).await.unwrap(), "1", "nobody has called it before");
        until("the one that was used is gone", async || {
            let now = ids("paused").await;
            waiting.iter().filter(|id| now.contains(id)).count() == 1
        })
        .await;
    }
    end(&engine, running).await;
}

#[tokio::test]
async fn an_idle_container_is_given_back() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = boxed(&engine, &[], |spec| spec.idle = Some("500ms".to_owned())).await;
    let ctx = CallContext::local();
    running.echoes(&ctx, "s").await;
    until("no container is left", async || engine.containers(&label(&running)).await.is_empty()).await;
    running.echoes(&ctx, "s").await;
    end(&engine, running).await;
}
