//! Every `Gateway`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayExt as _, SessionOptions};
use mcp_gateway_core::model::{CallContext, Effect, ProfileName, ServerEntry, ServerName, SessionId};
use mcp_gateway_core::profile::{MemoryProfile, PolicyRuleSpec, PolicySpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::{ListKind, Request, RequestKind, Target};
use mcp_gateway_core::runtime::{MemoryRuntime, MemoryServer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

/// Checks a gateway of profile `p` with one server `s` whose tools are `echo`, `hang` and, denied, `delete`.
pub(crate) async fn check_gateway(gateway: Arc<dyn Gateway>) {
    assert_eq!(gateway.profile().as_str(), "p");
    names_are_understood_in_both_forms(&*gateway).await;
    what_is_denied_or_unknown_says_so(&*gateway).await;
    a_target_cannot_be_smuggled_in(&*gateway).await;
    a_caller_can_give_up(&*gateway).await;
    sessions_open_and_close_twice(&*gateway).await;
    servers_tell_how_they_are(&*gateway).await;
    many_calls_get_their_own_answers(&gateway).await;
    after_the_end_everything_is_refused(&*gateway).await;
}

async fn echo(gateway: &dyn Gateway, ctx: &CallContext, name: &str, text: &str) -> mcp_gateway_core::Result<String> {
    let result: Value = gateway.call_tool(ctx, name, &json!({"text": text})).await?.read()?;
    Ok(result["content"][0]["text"].as_str().unwrap().to_owned())
}

async fn names_are_understood_in_both_forms(gateway: &dyn Gateway) {
    let ctx = CallContext::local();
    let tools: Vec<_> = gateway.list_tools(&ctx).await.unwrap().into_iter().map(|tool| tool.key).collect();
    assert_eq!(tools, ["echo", "hang", "delete"]);
    for name in ["echo", "s.echo"] {
        assert_eq!(echo(gateway, &ctx, name, "hello").await.unwrap(), "hello");
    }
    for kind in [ListKind::Prompts, ListKind::Resources, ListKind::ResourceTemplates] {
        assert!(gateway.list(&ctx, kind).await.unwrap().is_empty());
    }
}

async fn what_is_denied_or_unknown_says_so(gateway: &dyn Gateway) {
    let ctx = CallContext::local();
    for (name, kind) in [
        ("delete", ErrorKind::Denied),
        ("s.delete", ErrorKind::Denied),
        ("nothing", ErrorKind::NotFound),
        ("other.echo", ErrorKind::NotFound),
        ("", ErrorKind::NotFound),
    ] {
        assert_eq!(echo(gateway, &ctx, name, "x").await.unwrap_err().kind(), kind, "{name:?}");
    }
    let unnamed = Request::new(RequestKind::ReadResource, Request::list(ListKind::Tools).params);
    assert!(gateway.dispatch(&ctx, unnamed).await.is_err());
}

async fn a_target_cannot_be_smuggled_in(gateway: &dyn Gateway) {
    let mut request = Request::call_tool("echo", &json!({"text": "x"})).unwrap();
    request.target = Some(Target::new(ServerName::new("s").unwrap(), "delete"));
    let error = gateway.dispatch(&CallContext::local(), request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

async fn a_caller_can_give_up(gateway: &dyn Gateway) {
    let ctx = CallContext::local();
    let hurried = ctx.clone().with_timeout(Duration::from_millis(50));
    assert_eq!(echo(gateway, &hurried, "hang", "x").await.unwrap_err().kind(), ErrorKind::Timeout);
    let (hung, ()) = tokio::join!(echo(gateway, &ctx, "hang", "x"), async { ctx.cancellation.cancel() });
    assert_eq!(hung.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(echo(gateway, &CallContext::local(), "echo", "still").await.unwrap(), "still");
}

async fn sessions_open_and_close_twice(gateway: &dyn Gateway) {
    let session = gateway.open_session(SessionOptions::new()).await.unwrap();
    let other = gateway.open_session(SessionOptions::new()).await.unwrap();
    assert_ne!(session, other);
    let ctx = CallContext::local().with_session(session.clone());
    assert_eq!(echo(gateway, &ctx, "echo", "x").await.unwrap(), "x");
    for _ in 0..2 {
        gateway.close_session(&session).await;
    }
    assert_eq!(echo(gateway, &ctx, "echo", "x").await.unwrap_err().kind(), ErrorKind::Closed);
    let stranger = CallContext::local().with_session(SessionId::random().unwrap());
    assert_eq!(echo(gateway, &stranger, "echo", "x").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(echo(gateway, &CallContext::local().with_session(other), "echo", "y").await.unwrap(), "y");
}

async fn servers_tell_how_they_are(gateway: &dyn Gateway) {
    let servers = gateway.servers().await;
    assert_eq!(servers.len(), 1);
    assert_eq!((servers[0].name.as_str(), servers[0].tools), ("s", Some(3)));
    assert!(servers[0].running > 0);
}

async fn many_calls_get_their_own_answers(gateway: &Arc<dyn Gateway>) {
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let gateway = Arc::clone(gateway);
            tokio::spawn(async move { echo(&*gateway, &CallContext::local(), "echo", &number.to_string()).await })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), number.to_string());
    }
}

async fn after_the_end_everything_is_refused(gateway: &dyn Gateway) {
    for _ in 0..2 {
        gateway.shutdown().await;
    }
    assert_eq!(echo(gateway, &CallContext::local(), "echo", "x").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(gateway.open_session(SessionOptions::new()).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(gateway.servers().await[0].running, 0);
}

#[derive(Debug)]
struct Echo;

#[async_trait]
impl MemoryServer for Echo {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = message.get("id") else { continue };
            let params = &message["params"];
            let result = match message["method"].as_str().unwrap() {
                "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                    "serverInfo": {"name": "echo", "version": "1"}}),
                "tools/list" => {
                    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
                    json!({"tools": (["echo", "hang", "delete"].map(tool))})
                }
                _ if params["name"] == "hang" => continue,
                _ => json!({"content": [{"type": "text", "text": params["arguments"]["text"]}]}),
            };
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
            if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn over_servers_in_memory() {
    let name = ServerName::new("s").unwrap();
    let mut own = ServerSpec::default();
    own.runtime = Some("memory".to_owned());
    let mut spec = ProfileSpec::new(ProfileName::new("p").unwrap()).with_server(name.clone(), own);
    spec.policy = PolicySpec::new().with_default(Effect::Allow);
    spec.policy.rules = vec![PolicyRuleSpec::new("s.delete", Effect::Deny)];
    let gateway = GatewayBuilder::new()
        .with_profile(Arc::new(MemoryProfile::new(spec)))
        .with_catalog(Arc::new(MemoryCatalog::new("c").with_entry(ServerEntry::image(name, "none"))))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("s", Arc::new(Echo))))
        .build()
        .await
        .unwrap();
    check_gateway(Arc::new(gateway)).await;
}
