//! A call is the same by whatever way it comes, and lists may be short.

use super::super::*;
use super::bench::{OWN, Plan};
use crate::model::Principal;
use crate::profile::{DynamicSpec, PolicyRuleSpec};

#[tokio::test]
async fn by_exec_it_is_decided_recorded_and_counted_as_a_direct_call() {
    let plan = Plan::new().with_profiled("one", &Scripted::new(&["alpha", "drop"]));
    let scene = plan.edit(|spec| spec.policy.rules = vec![PolicyRuleSpec::new("one.drop", Effect::Deny)]).build().await;
    let caller = scene.caller().await;
    caller.tools().await;
    // Every way to name a tool, and every way to call it.
    for name in ["drop", "one.drop"] {
        let direct = caller.try_call(name, json!({"a": 1})).await.unwrap_err();
        let by_exec = caller.try_call("mcp-exec", json!({"tool": name, "arguments": {"a": 1}})).await.unwrap_err();
        let canonical = json!({"tool": name, "arguments": {"a": 1}});
        let by_canonical = caller.try_call("gateway.mcp-exec", canonical).await.unwrap_err();
        let session = scene.gateway.session(Principal::local()).await.unwrap();
        let mut params = crate::protocol::RawObject::default();
        params.set_text("name", name);
        let by_host = session.request("tools/call", params, crate::gateway::CallOptions::new()).await.unwrap_err();
        for error in [&direct, &by_exec, &by_canonical, &by_host] {
            assert_eq!(error.to_string(), "`one.drop` is denied by policy (rule: one.drop)");
        }
    }
    caller.call("alpha", json!({"a": 1})).await;
    caller.call("mcp-exec", json!({"tool": "alpha", "arguments": {"a": 1}})).await;
    let mut records = scene.records("tools/call").await;
    let (by_exec, direct) = (records.pop().unwrap().event, records.pop().unwrap().event);
    assert_eq!(by_exec.detail, Some(json!({"via": "mcp-exec"})));
    assert_eq!(direct.detail, None);
    assert_eq!((by_exec.server, by_exec.name), (direct.server, direct.name));
    assert_eq!(by_exec.arguments_hash, direct.arguments_hash);
    assert_eq!(by_exec.shape, direct.shape);
    assert_eq!(by_exec.result_hash, direct.result_hash);
    assert_eq!(by_exec.decision, direct.decision);
    assert_eq!(by_exec.instance, direct.instance);
}

#[tokio::test]
async fn by_exec_progress_and_cancellation_are_those_of_the_call() {
    let one = Scripted::new(&["progress", "hang"]);
    let scene = Plan::new().with_profiled("one", &one).build().await;
    let mut caller = scene.caller().await;
    caller.tools().await;
    let mut request = Request::call_tool("mcp-exec", &json!({"tool": "one.progress"})).unwrap();
    request.params.set("_meta", RawJson::parse(r#"{"progressToken":"p1"}"#).unwrap());
    let request = request.with_link(Arc::clone(&caller.link) as _);
    scene.gateway.dispatch(&caller.ctx, request).await.unwrap().result.unwrap();
    let progress =
        || caller.link.told.lock().unwrap().iter().filter(|(_, params)| params["progressToken"] == "p1").count();
    until("progress arrives", async || progress() == 2).await;
    caller.ctx = caller.ctx.with_timeout(Duration::from_millis(50));
    let error = caller.try_call("mcp-exec", json!({"tool": "hang"})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    until("the server hears of it", async || one.cancelled.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn what_names_no_tool_is_answered_with_how_to_find_one() {
    let scene = Plan::new().with_profiled("one", &Scripted::new(&["alpha"])).build().await;
    let caller = scene.caller().await;
    for arguments in [
        json!({}),
        json!({"tool": 1}),
        json!({"tool": "one.alpha", "arguments": []}),
        json!({"tool": "one.alpha", "args": {}}),
        json!({"tool": "mcp-exec", "arguments": {"tool": "one.alpha"}}),
    ] {
        let answer = caller.fail("mcp-exec", arguments.clone()).await;
        assert_eq!(answer["structuredContent"]["error"]["kind"], "invalid_input", "{arguments}");
    }
    let answer = caller.fail("mcp-exec", json!({"tool": "one.beta"})).await;
    assert_eq!(answer["structuredContent"]["error"]["kind"], "not_found");
    let records = scene.records("tools/call").await;
    assert_eq!(records.len(), 6, "all of them are recorded");
    assert_eq!(records[5].event.outcome, Outcome::Denied);
}

#[tokio::test]
async fn a_lean_list_is_short_and_everything_can_be_called() {
    let plan = Plan::new().edit(|spec| spec.dynamic = DynamicSpec::on().with_lean());
    let scene = plan.with_profiled("one", &Scripted::new(&["alpha"])).build().await;
    let caller = scene.caller().await;
    assert_eq!(caller.tools().await, OWN);
    let found = caller.call("mcp-find", json!({"query": "one", "detail": "schema"})).await;
    let tool = &found["servers"][0]["tools"][0];
    assert_eq!((&tool["tool"], &tool["inputSchema"]), (&json!("one.alpha"), &json!({"type": "object"})));
    caller.call("mcp-exec", json!({"tool": "one.alpha"})).await;
    caller.call("alpha", json!({})).await;
    let introduction = scene.gateway.introduce(&crate::protocol::ClientCapabilities::none()).await;
    assert!(introduction.instructions.unwrap().contains("Only these tools are listed"));
}

#[tokio::test]
async fn without_the_profiles_word_nothing_is_offered() {
    let plan = Plan::new().edit(|spec| spec.dynamic = DynamicSpec::default());
    let scene = plan.with_profiled("one", &Scripted::new(&["alpha"])).build().await;
    let caller = scene.caller().await;
    assert_eq!(caller.tools().await, ["alpha"]);
    for tool in OWN.into_iter().flat_map(|tool| [tool.to_owned(), format!("gateway.{tool}")]) {
        let error = caller.try_call(&tool, json!({"server": "one", "tool": "one.alpha"})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{tool}");
    }
    let some = Plan::new().edit(|spec| spec.dynamic.tools = vec!["mcp-find".to_owned(), "mcp-exec".to_owned()]);
    let scene = some.build().await;
    let caller = scene.caller().await;
    assert_eq!(caller.tools().await, ["mcp-find", "mcp-exec"]);
    assert_eq!(caller.try_call("mcp-add", json!({"server": "x"})).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn no_server_passes_for_the_gateway() {
    let evil = Scripted::new(&["mcp-add", "gateway.mcp-find", "fine"]);
    let plan = Plan::new().with("gateway", &Scripted::new(&["x"])).with_profiled("evil", &evil);
    let scene = plan.edit(|spec| drop(spec.servers.insert(name("gateway"), ServerSpec::default()))).build().await;
    let caller = scene.caller().await;
    let tools = caller.tools().await;
    assert_eq!(tools[..OWN.len()], OWN);
    assert_eq!(tools[OWN.len()..], ["fine"]);
    for held in ["evil.mcp-add", "evil.gateway.mcp-find"] {
        assert_eq!(caller.try_call(held, json!({})).await.unwrap_err().kind(), ErrorKind::Denied, "{held}");
    }
    assert_eq!(caller.call("gateway.mcp-find", json!({"query": "nothing like it"})).await["servers"], json!([]));
    let status = scene.gateway.servers().await;
    let refused = status.iter().find(|status| status.name.as_str() == "gateway").unwrap();
    assert_eq!(refused.state, ServerState::Refused);
    let error = scene.gateway.add_server(&name("gateway"), ServerSpec::default()).await.unwrap_err();
    assert!([ErrorKind::AlreadyExists, ErrorKind::InvalidInput].contains(&error.kind()), "{error}");
}

#[tokio::test]
async fn nothing_relevant_is_an_answer() {
    let plan = Plan::new().with_entry("time", &Scripted::new(&["now"]), |entry| {
        entry.metadata = Some(crate::model::Metadata { category: Some("clocks".to_owned()), ..Default::default() });
    });
    let scene = plan.build().await;
    let caller = scene.caller().await;
    let found = caller.call("mcp-find", json!({"query": "zzzzqqqq"})).await;
    assert_eq!((&found["servers"], &found["categories"]), (&json!([]), &json!(["clocks"])));
    for wrong in [json!({}), json!({"query": 1}), json!({"query": "x", "detail": "all"}), json!({"query": "x", "q": 1})]
    {
        caller.fail("mcp-find", wrong).await;
    }
}
