//! Many at once.

use std::sync::Arc;

use mcp_gateway_core::gateway::{Gateway as _, GatewayHost};
use mcp_gateway_core::profile::Isolation;
use serde_json::json;

use crate::support::http::Served;
use crate::support::{Bench, awkward_entry};

#[tokio::test]
async fn eight_calls_of_one_session_are_under_way_at_the_same_time() {
    let running = Bench::new().with("s", &[]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let calls = (0..8).map(|_| running.result(&ctx, "s.sleep", json!({"ms": 2000})));
    let results = futures_util::future::join_all(calls).await;
    let most = results.into_iter().map(|result| result.unwrap()["structuredContent"]["most"].as_u64().unwrap()).max();
    assert_eq!(most, Some(8), "the server had all of them at once");
    assert_eq!(running.instances().await.len(), 1, "one server serves them");
    running.end().await;
}

#[tokio::test]
async fn calls_that_come_first_share_one_start() {
    let running = Bench::new().with("s", &[]).build().await;
    let (ctx, ..) = running.session().await;
    let calls = (0..20).map(|n| {
        let ctx = ctx.clone();
        let running = &running;
        async move { running.call(&ctx, "s.echo", json!({"text": n.to_string()})).await.unwrap() }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(running.instances().await.len(), 1);
    running.end().await;
}

/// Opens so many sessions over HTTP, has each make its calls, and gives how many servers ran then.
async fn sessions(count: usize, isolation: Isolation) -> usize {
    let mut bench = Bench::new().with_entry(awkward_entry("s", &[]), |spec| {
        spec.isolation = Some(isolation);
        // All of them start on two cores.
        spec.limits.start_timeout = Some("90s".to_owned());
        spec.limits.call_timeout = Some("90s".to_owned());
    });
    bench.options.start_concurrency = 8;
    let running = bench.build().await;
    let served = Served::start(Arc::new(GatewayHost::new(Arc::new(running.gateway.clone()))), |_| {}).await;
    let clients = futures_util::future::join_all((0..count).map(|_| served.client())).await;
    let calls = clients.iter().enumerate().map(async |(number, client)| {
        let tools = client.ask("tools/list", json!({})).await;
        assert!(tools["result"]["tools"].as_array().unwrap().len() > 3, "{tools}");
        for round in 0..3 {
            let text = format!("{number}/{round}");
            let answer = client.call("echo", json!({"text": text})).await;
            assert_eq!(answer["result"]["content"][0]["text"], text, "{answer}");
        }
    });
    futures_util::future::join_all(calls).await;
    let servers = running.instances().await.len();
    for client in &clients {
        client.delete().await;
    }
    if isolation == Isolation::Session {
        running.until_running(0).await;
    }
    served.stop().await;
    running.gateway.shutdown().await;
    assert_eq!(running.instances().await, []);
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sessions_over_http_have_a_server_each() {
    assert!(sessions(50, Isolation::Session).await >= 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sessions_over_http_share_one_server() {
    assert_eq!(sessions(50, Isolation::Shared).await, 1);
}
