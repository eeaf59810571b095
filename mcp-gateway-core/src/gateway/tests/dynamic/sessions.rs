//! What is added belongs to the session that added it.

use super::super::*;
use super::bench::{OWN, Plan};
use crate::gateway::GatewayEvent;

#[tokio::test]
async fn an_agent_finds_adds_and_calls_and_nobody_else_sees_it() {
    let scene = Plan::new().with("time", &Scripted::new(&["now", "progress"])).build().await;
    let (one, two) = (scene.caller().await, scene.caller().await);
    assert_eq!(one.tools().await, OWN);

    let found = one.call("mcp-find", json!({"query": "time"})).await;
    assert_eq!((&found["servers"][0]["server"], &found["servers"][0]["added"]), (&json!("time"), &json!(false)));
    assert!(found["servers"][0]["next"].as_str().unwrap().contains("mcp-add"));
    assert_eq!(scene.running().await, 0, "to be found, nothing is started");

    let added = one.call("mcp-add", json!({"server": "time"})).await;
    assert_eq!(added["status"], "added");
    assert_eq!(added["tools"][0]["tool"], "time.now");
    assert_eq!(added["tools"][0]["inputSchema"], json!({"type": "object"}));
    assert!(one.link.was_told("notifications/tools/list_changed"));
    let called = one.call("mcp-exec", json!({"tool": "time.now", "arguments": {"a": 1}})).await;
    assert_eq!(called, json!({"tool": "now", "arguments": {"a": 1}}));
    assert_eq!(one.call("now", json!({})).await["tool"], "now", "what is listed is called directly too");
    assert_eq!(one.tools().await.len(), OWN.len() + 2);
    assert_eq!(one.call("mcp-list", json!({})).await["servers"][0]["added"], "session");
    assert_eq!(one.call("mcp-add", json!({"server": "time"})).await["status"], "already_added");

    assert_eq!(two.tools().await, OWN);
    assert!(!two.link.was_told("notifications/tools/list_changed"));
    assert_eq!(two.call("mcp-find", json!({"query": "time"})).await["servers"][0]["added"], false);
    assert_eq!(two.call("mcp-list", json!({})).await["servers"], json!([]));
    for name in ["now", "time.now", "time__now"] {
        assert_eq!(two.try_call(name, json!({})).await.unwrap_err().kind(), ErrorKind::NotFound, "{name}");
        let answer = two.fail("mcp-exec", json!({"tool": name})).await;
        assert!(answer["content"][0]["text"].as_str().unwrap().contains("mcp-find"), "{answer}");
    }
    assert!(scene.profile.0.spec().await.unwrap().servers.is_empty(), "the profile stays as it is");
    assert!(scene.gateway.servers().await.is_empty());

    scene.gateway.close_session(&one.session).await;
    until("what it had added is stopped", async || scene.running().await == 0).await;
    assert_eq!(two.tools().await, OWN);
}

#[tokio::test]
async fn two_sessions_add_the_same_server_and_have_each_their_own() {
    let time = Scripted::new(&["now"]);
    let scene = Plan::new().with("time", &time).build().await;
    let (one, two) = (scene.caller().await, scene.caller().await);
    for caller in [&one, &two] {
        caller.call("mcp-add", json!({"server": "time"})).await;
        caller.call("time.now", json!({})).await;
    }
    assert_eq!(time.connections.load(Ordering::SeqCst), 2);
    scene.gateway.close_session(&one.session).await;
    until("one of them is stopped", async || scene.running().await == 1).await;
    assert_eq!(two.call("now", json!({})).await["tool"], "now");
    scene.gateway.shutdown().await;
    assert_eq!(scene.running().await, 0);
}

#[tokio::test]
async fn the_names_of_one_session_do_not_depend_on_what_another_has_added() {
    let scene =
        Plan::new().with("first", &Scripted::new(&["same"])).with("second", &Scripted::new(&["same"])).build().await;
    let (one, two) = (scene.caller().await, scene.caller().await);
    one.call("mcp-add", json!({"server": "first"})).await;
    let second = two.call("mcp-add", json!({"server": "second"})).await;
    assert_eq!(second["tools"][0]["name"], "same");
    let both = one.call("mcp-add", json!({"server": "second"})).await;
    assert_eq!(both["tools"][0]["name"], "second__same");
}

#[tokio::test]
async fn what_is_removed_is_gone_and_told() {
    let scene = Plan::new().with("time", &Scripted::new(&["now"])).build().await;
    let one = scene.caller().await;
    let mut events = scene.gateway.events();
    one.call("mcp-add", json!({"server": "time"})).await;
    one.link.told.lock().unwrap().clear();
    assert_eq!(one.call("mcp-remove", json!({"server": "time"})).await["status"], "removed");
    assert!(one.link.was_told("notifications/tools/list_changed"));
    assert_eq!(one.tools().await, OWN);
    assert_eq!(one.try_call("time.now", json!({})).await.unwrap_err().kind(), ErrorKind::NotFound);
    until("it is stopped", async || scene.running().await == 0).await;
    one.fail("mcp-remove", json!({"server": "time"})).await;
    let mut changes = Vec::new();
    while changes.len() < 2 {
        match &*events.next().await.unwrap() {
            GatewayEvent::ServerAdded { server, session } | GatewayEvent::ServerRemoved { server, session } => {
                changes.push((server.to_string(), session.clone()));
            }
            _ => {}
        }
    }
    assert_eq!(changes, vec![("time".to_owned(), Some(one.session.clone())); 2]);
    let edits = [scene.records("server/add").await, scene.records("server/remove").await].concat();
    assert!(edits.iter().all(|record| record.event.session == Some(one.session.clone())));
    assert_eq!(
        edits.iter().map(|record| record.event.detail.as_ref().unwrap()["by"].clone()).collect::<Vec<_>>(),
        ["mcp-add", "mcp-remove"]
    );
}

#[tokio::test]
async fn a_call_in_no_session_can_add_nothing() {
    let scene = Plan::new().with("time", &Scripted::new(&["now"])).build().await;
    let mut caller = scene.caller().await;
    caller.ctx.session = None;
    let answer = caller.fail("mcp-add", json!({"server": "time"})).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("belongs to a session"), "{answer}");
    assert_eq!(scene.running().await, 0);
}

#[tokio::test]
async fn a_session_adds_only_so_many() {
    let mut plan = Plan::new();
    for number in 0..33 {
        plan = plan.with(&format!("s{number}"), &Scripted::new(&["x"]));
    }
    let scene = plan.build().await;
    let one = scene.caller().await;
    for number in 0..32 {
        one.call("mcp-add", json!({"server": format!("s{number}")})).await;
    }
    let answer = one.fail("mcp-add", json!({"server": "s32"})).await;
    assert_eq!(answer["structuredContent"]["error"]["kind"], "overloaded");
    one.call("mcp-remove", json!({"server": "s0"})).await;
    one.call("mcp-add", json!({"server": "s32"})).await;
}
