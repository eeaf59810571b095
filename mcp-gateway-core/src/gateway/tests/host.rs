//! What a host does with its gateway beside calls: sessions of its own, events, servers that come and go.

use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Arc, Bench, Scripted, ServerSpec, Value, json, name, until};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::dialect::Dialect;
use crate::gateway::layers::{Call, Service as _};
use crate::gateway::{CallOptions, Gateway as _, GatewayEvents, McpGateway, Session};
use crate::model::{Effect, Principal};
use crate::profile::{PolicyRuleSpec, Profile as _};
use crate::protocol::{RawJson, RawObject, Request};

async fn call(session: &Session, tool: &str, options: CallOptions) -> Result<Value> {
    let params: RawObject = RawJson::from_value(&json!({"name": tool, "arguments": {}})).unwrap().object().unwrap();
    session.request("tools/call", params, options).await?.read()
}

async fn session(gateway: &McpGateway) -> Session {
    gateway.session(Principal::new("agent")).await.unwrap()
}

/// The types of events up to one of this type.
async fn types(events: &mut GatewayEvents, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|seen| seen != last) {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await.expect("an event in time");
        let shown = serde_json::to_value(&*event.expect("the gateway lives")).unwrap();
        seen.push(shown["type"].as_str().unwrap().to_owned());
    }
    seen
}

#[tokio::test]
async fn sessions_of_the_host_have_servers_of_their_own() {
    let server = Scripted::new(&["alpha"]);
    let built = Bench::new().with("one", &server).build().await;
    let (first, second) = (session(&built.gateway).await, session(&built.gateway).await);
    for session in [&first, &second, &first] {
        assert_eq!(call(session, "alpha", CallOptions::new()).await.unwrap()["structuredContent"]["tool"], "alpha");
    }
    assert_eq!(built.runtime.started(), 2);
    let error = first.request("sampling/createMessage", RawObject::default(), CallOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    first.close().await;
    first.close().await;
    assert_eq!(call(&first, "alpha", CallOptions::new()).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(call(&second, "alpha", CallOptions::new()).await.is_ok());
}

#[tokio::test]
async fn a_call_of_the_host_ends_by_its_timeout_and_by_its_token() {
    let server = Scripted::new(&["hang"]);
    let built = Bench::new().with("one", &server).build().await;
    let session = session(&built.gateway).await;
    let hurried = CallOptions::new().with_timeout(Duration::from_millis(50));
    assert_eq!(call(&session, "hang", hurried).await.unwrap_err().kind(), ErrorKind::Timeout);
    let token = CancellationToken::new();
    let options = CallOptions::new().with_cancellation(token.clone());
    let (hung, ()) = tokio::join!(call(&session, "hang", options), async { token.cancel() });
    assert_eq!(hung.unwrap_err().kind(), ErrorKind::Cancelled);
    until("the server hears of both", async || server.cancelled.load(super::Ordering::SeqCst) == 2).await;
}

#[tokio::test]
async fn whole_lists_have_every_page() {
    let server = Scripted::new(&["alpha", "beta", "gamma"]);
    let mut bench = Bench::new().with("one", &server);
    bench.options.page_size = 2;
    let built = bench.build().await;
    assert_eq!(built.tools(&crate::model::CallContext::local()).await, ["alpha", "beta", "gamma"]);
    let session = session(&built.gateway).await;
    let options = CallOptions::new();
    let page: Value =
        session.request("tools/list", RawObject::default(), options.clone()).await.unwrap().read().unwrap();
    assert_eq!((page["tools"].as_array().unwrap().len(), page["nextCursor"].is_string()), (2, true));
    let whole: Value = session.list_json("tools/list", &options).await.unwrap().read().unwrap();
    assert_eq!((whole["tools"].as_array().unwrap().len(), &whole["nextCursor"]), (3, &Value::Null));
    let presented = session.present_tools(Dialect::Anthropic).await.unwrap();
    assert!(presented.api_name_of("gamma").is_some());
    let error = session.list_json("tools/call", &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn servers_come_and_go_and_everybody_hears_of_it() {
    let (one, two) = (Scripted::new(&["alpha"]), Scripted::new(&["beta"]));
    let mut bench = Bench::new().with("one", &one).with("two", &two);
    let two_spec = bench.spec.servers.shift_remove(&name("two")).unwrap();
    let built = bench.build().await;
    let ctx = crate::model::CallContext::local();
    assert_eq!(built.tools(&ctx).await, ["alpha"]);
    let mut events = built.gateway.events();

    built.gateway.add_server(&name("two"), two_spec.clone()).await.unwrap();
    let again = built.gateway.add_server(&name("two"), two_spec).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    let unknown = built.gateway.add_server(&name("three"), ServerSpec::default()).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert_eq!(built.tools(&ctx).await, ["alpha", "beta"]);
    assert!(built.call(&ctx, "beta").await.is_ok());
    let seen = types(&mut events, "list_changed").await;
    assert!(seen.contains(&"server_added".to_owned()) && seen.contains(&"server_started".to_owned()), "{seen:?}");
    assert_eq!(built.profile.spec().await.unwrap().servers.len(), 2);

    built.gateway.remove_server(&name("one")).await.unwrap();
    assert_eq!(built.gateway.remove_server(&name("one")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(built.tools(&ctx).await, ["beta"]);
    assert_eq!(built.call(&ctx, "alpha").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(types(&mut events, "server_stopped").await.contains(&"server_removed".to_owned()));
    assert_eq!(built.profile.spec().await.unwrap().servers.len(), 1);
    built.gateway.shutdown().await;
}

#[tokio::test]
async fn a_decision_is_not_carried_over_to_a_server_that_took_the_name() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["alpha"]));
    let spec = bench.spec.servers.get_mut(&name("one")).unwrap().clone();
    bench.spec.policy.default = Some(Effect::Allow);
    let built = bench.build().await;
    let ctx = crate::model::CallContext::local();
    assert_eq!(built.tools(&ctx).await, ["alpha"]);
    let hub = &built.gateway.hub;
    let mut request = Request::call_tool("one.alpha", &json!({})).unwrap();
    request.target = hub.find(&ctx, &request).await.map(|(target, _)| target);
    let mut call = Call::new(request);
    call.slot = hub.slot(&name("one")).map(|slot| slot.number);
    hub.call(&ctx, &mut call).await.unwrap();
    built.gateway.remove_server(&name("one")).await.unwrap();
    assert_eq!(hub.call(&ctx, &mut call).await.unwrap_err().kind(), ErrorKind::NotFound);
    built.gateway.add_server(&name("one"), spec).await.unwrap();
    assert_eq!(hub.call(&ctx, &mut call).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_session_that_nobody_holds_gives_its_servers_back() {
    let built = Bench::new().with("one", &Scripted::new(&["alpha"])).build().await;
    let mut events = built.gateway.events();
    call(&session(&built.gateway).await, "alpha", CallOptions::new()).await.unwrap();
    assert!(types(&mut events, "server_stopped").await.contains(&"server_started".to_owned()));
}

#[tokio::test]
async fn a_long_log_message_is_cut_in_its_event() {
    let long = json!({"level": "info", "logger": "big", "data": "x".repeat(100_000)});
    let params = crate::gateway::host_link::left_out(&RawJson::from_value(&long).unwrap()).unwrap();
    let cut: Value = params.read().unwrap();
    assert_eq!((&cut["level"], &cut["logger"]), (&json!("info"), &json!("big")));
    assert!(cut["data"].as_str().unwrap().contains("left out") && params.get().len() < 200);
}

#[tokio::test]
async fn questions_to_a_person_are_told_with_their_answers() {
    let mut bench = Bench::new().with("one", &Scripted::new(&["alpha"]));
    bench.spec.policy.rules = vec![PolicyRuleSpec::new("one.alpha", Effect::SoftConfirm)];
    let built = bench.build().await;
    let session = session(&built.gateway).await;
    let mut events = built.gateway.events();
    assert_eq!(call(&session, "one.alpha", CallOptions::new()).await.unwrap_err().kind(), ErrorKind::Denied);
    let seen = types(&mut events, "approval_answered").await;
    assert!(seen.contains(&"approval_asked".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn commands_are_json_in_and_json_out() {
    let built = Bench::new().with("one", &Scripted::new(&["alpha"])).build().await;
    let command = async |command: Value| -> Result<Value, Error> {
        built.gateway.command(&command.to_string()).await.and_then(|answer| answer.read())
    };
    assert_eq!(command(json!({"command": "servers"})).await.unwrap()[0]["name"], "one");
    let found = command(json!({"command": "find", "query": "one", "limit": 3})).await.unwrap();
    assert_eq!(found["matches"][0]["entry"]["name"], "one");
    assert_eq!(command(json!({"command": "inspect", "server": "one"})).await.unwrap()["runtime"], "memory");
    assert!(built.call(&crate::model::CallContext::local(), "alpha").await.is_ok());
    let query = json!({"command": "audit", "query": {"server": "one", "name": "alpha"}});
    assert!(command(query).await.unwrap()[0]["text"].as_str().unwrap().contains("tools/call"));
    assert_eq!(command(json!({"command": "instances"})).await.unwrap().as_array().unwrap().len(), 1);
    assert!(command(json!({"command": "metrics"})).await.unwrap().is_string());
    command(json!({"command": "remove_server", "server": "one"})).await.unwrap();
    command(json!({"command": "add_server", "server": "one", "settings": {"runtime": "memory"}})).await.unwrap();
    for wrong in [json!({"command": "format_disk"}), json!({}), json!({"command": "find"})] {
        assert_eq!(command(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn progress_reaches_who_asked_for_it() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = Arc::clone(&heard);
    let options = CallOptions::new()
        .with_progress(Arc::new(move |params: RawJson| listener.lock().unwrap().push(params.get().to_owned())));
    let built = Bench::new().with("one", &Scripted::new(&["progress"])).build().await;
    let session = session(&built.gateway).await;
    call(&session, "progress", options).await.unwrap();
    until("progress is heard", async || heard.lock().unwrap().len() == 2).await;
    assert!(heard.lock().unwrap()[1].contains("\"progress\":2"));
    built.gateway.shutdown().await;
}
