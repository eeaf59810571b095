//! Lists: names that several servers use, pages, selections, changes.

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::gateway::GatewayExt as _;
use mcp_gateway_core::model::CallContext;
use mcp_gateway_core::profile::SurfaceWord;
use mcp_gateway_core::protocol::ListKind;
use serde_json::json;

use crate::support::{Bench, until};

#[tokio::test]
async fn of_two_servers_with_equal_tools_the_newcomer_takes_the_longer_name() {
    let running = Bench::new().with("first", &[]).build().await;
    let ctx = CallContext::local();
    let alone = running.tools(&ctx).await;
    running.end().await;

    let running = Bench::new().with("first", &[]).with("second", &[]).build().await;
    let (ctx, ..) = running.session().await;
    let tools = running.tools(&ctx).await;
    assert_eq!(tools.len(), 2 * alone.len());
    let (bare, long): (Vec<_>, Vec<_>) = tools.iter().partition(|name| alone.contains(name));
    assert_eq!(bare.len(), alone.len());
    let one_of_both = |name: &&String| name.starts_with("first__") || name.starts_with("second__");
    assert!(long.iter().all(one_of_both), "{long:?}");
    // Whoever came first has the bare names; each name reaches its own server.
    let (owner, other) = if long[0].starts_with("second__") { ("first", "second") } else { ("second", "first") };
    let count = async |name: &str| running.call(&ctx, name, json!({})).await.unwrap();
    assert_eq!(count("count").await, "1");
    assert_eq!(count(&format!("{owner}.count")).await, "2");
    assert_eq!(count(&format!("{other}__count")).await, "1");
    assert_eq!(count(&format!("{other}.count")).await, "2");
    running.end().await;
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let plain = Bench::new().with("s", &[]).build().await;
    let ctx = CallContext::local();
    let expected = plain.tools(&ctx).await;
    plain.end().await;
    let paged = Bench::new().with("s", &["--pages"]).build().await;
    let tools = paged.tools(&ctx).await;
    assert!(tools.len() >= 3);
    assert_eq!(tools, expected);
    paged.end().await;
}

#[tokio::test]
async fn every_kind_of_list_and_its_members_pass_through() {
    let running = Bench::new().with("s", &[]).build().await;
    let ctx = CallContext::local();
    let keys = async |kind| {
        let list = running.gateway.list(&ctx, kind).await.unwrap();
        list.into_iter().map(|item| item.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(ListKind::Prompts).await, ["greet"]);
    assert_eq!(keys(ListKind::Resources).await, ["awkward://one"]);
    assert_eq!(keys(ListKind::ResourceTemplates).await, ["awkward://item/{id}"]);
    let resources = running.gateway.list(&ctx, ListKind::Resources).await.unwrap();
    assert!(
        resources[0].json.contains(r#""vendor":1.5"#),
        "what nobody knows passes as it came: {}",
        resources[0].json
    );
    running.end().await;
}

#[tokio::test]
async fn what_is_not_selected_is_neither_listed_nor_callable() {
    let mut bench = Bench::new()
        .with_entry(crate::support::awkward_entry("s", &[]), |spec| spec.tools = vec!["echo".into(), "c*".into()]);
    bench.spec.tools = vec!["s:echo".to_owned(), "s:count".to_owned()];
    let running = bench.build().await;
    let (ctx, ..) = running.session().await;
    assert_eq!(running.tools(&ctx).await, ["echo", "count"]);
    for name in ["sleep", "s.sleep", "s__sleep", "crash", "s.crash"] {
        let error = running.error(&ctx, name, json!({})).await;
        assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied), "{name}: {}", error.report());
    }
    assert_eq!(running.call(&ctx, "count", json!({})).await.unwrap(), "1", "no refused call reached the server");
    running.end().await;
}

#[tokio::test]
async fn a_tool_that_appears_later_is_told_listed_and_callable() {
    let mut bench = Bench::new().with("s", &[]);
    bench.spec.surfaces.additions = SurfaceWord::Accept;
    let running = bench.build().await;
    let (ctx, _, heard) = running.session().await;
    let before = running.tools(&ctx).await.len();
    let told = heard.count("notifications/tools/list_changed");
    running.call(&ctx, "add_tool", json!({"name": "late"})).await.unwrap();
    until("the client is told", async || heard.count("notifications/tools/list_changed") > told).await;
    let tools = running.tools(&ctx).await;
    assert_eq!(tools.len(), before + 1);
    assert!(tools.contains(&"late".to_owned()));
    running.end().await;
}
