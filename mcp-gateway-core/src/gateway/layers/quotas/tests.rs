use super::*;
use crate::audit::{AuditEvent, MemoryAudit};
use crate::model::{Principal, ProfileName, ServerName};
use crate::protocol::{RpcError, Target};

/// Answers with as many bytes as the tool's name says; `hang` does not.
#[derive(Debug)]
struct Answers;

#[async_trait]
impl Service for Answers {
    async fn call(&self, _ctx: &CallContext, call: &mut Call) -> Result<Response> {
        match call.request.target.as_ref().map(|target| target.name.as_str()) {
            Some("hang") => std::future::pending().await,
            Some("fail") => {
                Ok(Response { result: Err(RpcError::new(1, "no")), ..Response::new(RawJson::empty_object()) })
            }
            Some(name) => {
                let text = "x".repeat(name.parse().unwrap_or_default());
                Ok(Response::new(RawJson::from_value(&json!({"content": [{"type": "text", "text": text}]}))?))
            }
            None => Ok(Response::new(RawJson::empty_object())),
        }
    }
}

fn layer(yaml: &str) -> QuotaLayer<Answers> {
    let specs: Vec<QuotaSpec> = serde_saphyr::from_str(yaml).unwrap();
    QuotaLayer { inner: Answers, quotas: Arc::new(Quotas::new(&specs).unwrap()) }
}

fn call(server: &str, tool: &str) -> Call {
    let mut request = Request::call_tool(tool, &json!({})).unwrap();
    request.target = Some(Target::new(ServerName::new(server).unwrap(), tool));
    Call::new(request)
}

async fn send(layer: &QuotaLayer<Answers>, principal: &str, server: &str, tool: &str) -> Result<Response> {
    layer.call(&CallContext::new(Principal::new(principal)), &mut call(server, tool)).await
}

async fn refusal(layer: &QuotaLayer<Answers>, principal: &str, server: &str) -> Option<String> {
    send(layer, principal, server, "1").await.err().map(|error| {
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        error.message().to_owned()
    })
}

#[tokio::test]
async fn what_is_named_is_counted_apart() {
    let servers = layer("- {server: 'a*', rate: 1/1h}");
    assert_eq!(refusal(&servers, "ann", "a1").await, None);
    assert_eq!(refusal(&servers, "bob", "a1").await.as_deref(), Some("more than 1 requests to `a1` in 1h"));
    assert_eq!(refusal(&servers, "ann", "a2").await, None);
    assert_eq!(refusal(&servers, "ann", "b").await, None, "another quota's matter");
    assert_eq!(refusal(&servers, "ann", "b").await, None);

    let pairs = layer("- {server: '*', principal: '*', daily: 1}");
    assert_eq!(refusal(&pairs, "ann", "a").await, None);
    assert_eq!(refusal(&pairs, "bob", "a").await, None);
    let used_up = refusal(&pairs, "ann", "a").await.unwrap();
    assert_eq!(used_up, "the daily budget of 1 requests to `a` by `ann` is used up");

    let whole = layer("- {daily: 1}");
    assert_eq!(refusal(&whole, "ann", "a").await, None);
    assert!(refusal(&whole, "bob", "b").await.is_some());
}

#[tokio::test]
async fn a_request_that_one_quota_refuses_costs_nothing_of_another() {
    let layer = layer("[{principal: ann, daily: 1}, {server: a, daily: 2}]");
    assert_eq!(refusal(&layer, "ann", "a").await, None);
    for _ in 0..5 {
        assert!(refusal(&layer, "ann", "a").await.unwrap().contains("by `ann`"));
    }
    assert_eq!(refusal(&layer, "bob", "a").await, None);
    assert!(refusal(&layer, "bob", "a").await.unwrap().contains("to `a`"));
}

#[tokio::test]
async fn requests_are_counted_out_however_they_end() {
    let layer = layer("- {server: a, concurrency: 1}");
    for tool in ["fail", "1"] {
        send(&layer, "ann", "a", tool).await.unwrap();
    }
    let (ctx, mut hanging) = (CallContext::local(), call("a", "hang"));
    {
        let hung = layer.call(&ctx, &mut hanging);
        tokio::pin!(hung);
        assert!(futures_util::poll!(&mut hung).is_pending());
        assert_eq!(refusal(&layer, "ann", "a").await.as_deref(), Some("1 requests to `a` are under way already"));
    }
    assert_eq!(refusal(&layer, "ann", "a").await, None, "the dropped one is counted out");
}

#[tokio::test]
async fn what_makes_no_server_work_is_not_counted() {
    let layer = layer("- {daily: 0, concurrency: 0, rate: 1/1h}");
    for kind in [RequestKind::ListTools, RequestKind::Unsubscribe, RequestKind::GetTask] {
        let mut call = call("a", "1");
        call.request.kind = kind;
        layer.call(&CallContext::local(), &mut call).await.unwrap();
    }
    assert!(refusal(&layer, "ann", "a").await.is_some(), "none at all is a quota too");
}

#[tokio::test]
async fn of_a_result_that_is_too_large_the_agent_is_told() {
    let layer = layer("[{maxResult: 1k}, {server: a, maxResult: 200}]");
    assert!(!send(&layer, "ann", "a", "10").await.unwrap().is_tool_error());
    assert!(!send(&layer, "ann", "b", "300").await.unwrap().is_tool_error());
    let told = send(&layer, "ann", "a", "300").await.unwrap();
    assert!(told.is_tool_error());
    let text = told.result.unwrap();
    assert!(text.get().contains("the result of `a.300` is") && text.get().contains("200 are allowed"), "{text:?}");

    let mut read = call("a", "300");
    read.request.kind = RequestKind::ReadResource;
    let error = layer.call(&CallContext::local(), &mut read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn a_new_start_gives_no_new_budget() {
    let store = MemoryAudit::new();
    let event = |server: Option<&str>, action: &str, outcome, days_ago: i64| {
        let mut event = AuditEvent::new(ProfileName::new("p").unwrap(), "ann", action);
        event.server = server.map(|server| ServerName::new(server).unwrap());
        event.outcome = outcome;
        event.time -= days_ago * 24 * 60 * 60 * 1_000;
        event
    };
    for event in [
        event(Some("a"), "tools/call", Outcome::Ok, 1),
        event(Some("a"), "tools/call", Outcome::Ok, 0),
        event(Some("a"), "prompts/get", Outcome::ToolError, 0),
        event(Some("a"), "tools/call", Outcome::Denied, 0),
        event(Some("a"), "tools/call", Outcome::Limited, 0),
        event(Some("a"), "server/start", Outcome::Ok, 0),
        event(None, "tools/call", Outcome::Failed, 0),
    ] {
        store.append(event).await.unwrap();
    }
    let layer = layer("- {server: '*', daily: 3}");
    layer.quotas.restore(&store).await.unwrap();
    assert_eq!(refusal(&layer, "bob", "a").await, None, "two of three are used");
    assert!(refusal(&layer, "bob", "a").await.is_some());
}

#[tokio::test]
async fn no_crowd_of_callers_fills_the_memory() {
    let layer = layer("- {principal: '*', daily: 5}");
    for number in 0..MOST {
        assert_eq!(refusal(&layer, &number.to_string(), "a").await, None);
    }
    let error = refusal(&layer, "one more", "a").await.unwrap();
    assert!(error.contains("are being counted already"), "{error}");
    assert_eq!(layer.quotas.meters().len(), MOST);
}
