//! What a server lacks, and what becomes of one that does not start.

use super::super::*;
use super::bench::{OWN, Plan};
use crate::model::{ConfigEntry, EnvEntry};
use crate::secrets::SecretBroker as _;

/// A server that tells its variables, of which one is configured.
fn configured(entry: &mut ServerEntry) {
    let schema = json!({
        "type": "object",
        "properties": {
            "zone": {"type": "string", "description": "Where", "enum": ["utc", "tokyo"]},
            "style": {"type": "string", "default": "long"},
        },
        "required": ["zone", "style"],
    });
    entry.config = vec![ConfigEntry { name: "time".to_owned(), schema: schema.as_object().unwrap().clone() }];
    let zone = EnvEntry { name: "ZONE".to_owned(), value: Some("{{time.zone}}".to_owned()), ..EnvEntry::default() };
    entry.env = vec![zone];
}

#[tokio::test]
async fn missing_configuration_is_answered_with_what_it_is() {
    let scene = Plan::new().with_entry("time", &Scripted::new(&["env"]), configured).build().await;
    let caller = scene.caller().await;
    let answer = caller.fail("mcp-add", json!({"server": "time"})).await;
    assert_eq!(answer["structuredContent"]["missingConfig"]["zone"]["enum"], json!(["utc", "tokyo"]));
    assert_eq!(scene.runtime.started(), 0);
    let found = caller.call("mcp-find", json!({"query": "time"})).await;
    assert_eq!(found["servers"][0]["config"]["required"], json!(["zone"]));
    caller.fail("mcp-add", json!({"server": "time", "config": {"zone": "mars"}})).await;
    caller.call("mcp-add", json!({"server": "time", "config": {"zone": "utc"}})).await;
    assert_eq!(caller.call("env", json!({})).await["ZONE"], "utc");
    let set = caller.call("mcp-config-set", json!({"server": "time", "config": {"zone": "tokyo"}})).await;
    assert_eq!(set["status"], "configured");
    assert_eq!(caller.call("env", json!({})).await["ZONE"], "tokyo");
    for wrong in [json!({"zone": "mars"}), json!({"other": 1}), json!({})] {
        caller.fail("mcp-config-set", json!({"server": "time", "config": wrong})).await;
    }
    assert_eq!(caller.call("env", json!({})).await["ZONE"], "tokyo");
    until("one runs", async || scene.running().await == 1).await;
}

#[tokio::test]
async fn a_client_that_shows_forms_is_asked_and_what_it_says_is_decided_about() {
    let scene = Plan::new().with_entry("time", &Scripted::new(&["env"]), configured).build().await;
    let caller = scene.caller_that(&json!({"elicitation": {}})).await;
    *caller.link.answer.lock().unwrap() = json!({"action": "decline"});
    caller.fail("mcp-add", json!({"server": "time"})).await;
    *caller.link.answer.lock().unwrap() = json!({"action": "accept", "content": {"zone": "mars"}});
    caller.fail("mcp-add", json!({"server": "time"})).await;
    assert_eq!(scene.runtime.started(), 0);
    *caller.link.answer.lock().unwrap() = json!({"action": "accept", "content": {"zone": "tokyo", "style": "evil"}});
    caller.call("mcp-add", json!({"server": "time"})).await;
    assert_eq!(caller.call("env", json!({})).await["ZONE"], "tokyo");
    let asked = caller.link.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked["requestedSchema"]["required"], json!(["zone"]));
    assert_eq!(asked["_meta"]["mcp-gateway/server"], "gateway");
    assert!(asked["message"].as_str().unwrap().contains("no secrets"));
    let record =
        scene.records("tools/call").await.into_iter().find(|record| record.event.outcome == Outcome::Ok).unwrap();
    assert_eq!(record.event.shape, Some(json!({"server": "string(4)", "config": {"zone": "string(5)"}})));
    assert_eq!(scene.records("elicitation/create").await.len(), 3);
}

#[tokio::test]
async fn a_missing_secret_names_the_command_and_the_server_waits_for_it() {
    let plan = Plan::new().with_entry("time", &Scripted::new(&["now"]), |entry| {
        entry.secrets = vec![SecretEntry::new("time.key", "KEY")];
    });
    let scene = plan.build().await;
    let caller = scene.caller_that(&json!({"elicitation": {}})).await;
    let answer = caller.fail("mcp-add", json!({"server": "time"})).await;
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("secret set time --key KEY") && text.contains("call `mcp-add` again"), "{text}");
    assert!(caller.link.asked.lock().unwrap().is_empty(), "a secret is asked of no client");
    let listed = caller.call("mcp-list", json!({})).await;
    assert_eq!((&listed["servers"][0]["server"], &listed["servers"][0]["state"]), (&json!("time"), &json!("failed")));
    let again = caller.fail("mcp-add", json!({"server": "time"})).await;
    assert!(again["content"][0]["text"].as_str().unwrap().contains("secret set time --key KEY"), "{again}");
    assert_eq!(scene.runtime.started(), 0);
    let token = "ghp_aB3cD4eF5gH6iJ7kL8mN9oP0qRsTuVwXyZ12";
    let error = caller.try_call("mcp-find", json!({"query": token})).await.unwrap_err();
    assert!(!error.report().contains(token) && error.kind() == ErrorKind::Denied, "{}", error.report());
    let key = SecretKey::parse("p/time/KEY").unwrap();
    scene.secrets.set(&key, SecretValue::new("for time")).await.unwrap();
    assert_eq!(caller.call("mcp-exec", json!({"tool": "time.now"})).await["tool"], "now", "it starts on first use");
    assert_eq!(caller.call("mcp-add", json!({"server": "time"})).await["tools"][0]["name"], "now");
}

#[tokio::test]
async fn a_server_that_does_not_start_is_not_added() {
    let broken = Scripted::new(&["now"]);
    broken.broken.store(true, Ordering::SeqCst);
    let scene = Plan::new().with("time", &broken).build().await;
    let caller = scene.caller().await;
    let answer = caller.fail("mcp-add", json!({"server": "time"})).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("time"), "{answer}");
    assert_eq!(caller.call("mcp-list", json!({})).await["servers"], json!([]));
    assert_eq!(caller.tools().await, OWN);
    broken.broken.store(false, Ordering::SeqCst);
    caller.call("mcp-add", json!({"server": "time"})).await;
    broken.broken.store(true, Ordering::SeqCst);
    caller.call("now", json!({})).await;
}

#[tokio::test]
async fn whoever_gives_up_has_added_nothing() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let slow = Arc::new(Scripted { tools: vec!["now"], slow_start: Some(Arc::clone(&gate)), ..Scripted::default() });
    let scene = Plan::new().with("time", &slow).build().await;
    let caller = scene.caller().await;
    {
        let adding = caller.try_call("mcp-add", json!({"server": "time"}));
        let started = until("the start is under way", async || slow.connections.load(Ordering::SeqCst) == 1);
        tokio::select! {
            _ = adding => panic!("it has not started yet"),
            () = started => {}
        }
    }
    assert_eq!(caller.call("mcp-list", json!({})).await["servers"], json!([]));
    gate.add_permits(10);
    until("what was started is stopped", async || scene.running().await == 0).await;
    caller.call("mcp-add", json!({"server": "time"})).await;
}

#[tokio::test]
async fn a_session_that_ends_while_it_adds_leaves_nothing() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let slow = Arc::new(Scripted { tools: vec!["now"], slow_start: Some(Arc::clone(&gate)), ..Scripted::default() });
    let scene = Plan::new().with("time", &slow).build().await;
    let caller = scene.caller().await;
    let ending = async {
        until("the start is under way", async || slow.connections.load(Ordering::SeqCst) == 1).await;
        scene.gateway.close_session(&caller.session).await;
        gate.add_permits(10);
    };
    let (added, ()) = tokio::join!(caller.try_call("mcp-add", json!({"server": "time"})), ending);
    assert!(added.is_err() || added.unwrap()["isError"] == true);
    until("nothing runs", async || scene.running().await == 0).await;
}

#[tokio::test]
async fn an_operator_accepts_what_a_server_of_a_session_offers_from_elsewhere() {
    let mut plan = Plan::new().with("time", &Scripted::new(&["grow"]));
    let catalog: Arc<dyn crate::catalog::Catalog> =
        Arc::new(MemoryCatalog::new("c").with_entry(ServerEntry::image(name("time"), "none")));
    plan.catalog = Some(Arc::clone(&catalog));
    let scene = plan.build().await;
    let caller = scene.caller().await;
    caller.call("mcp-add", json!({"server": "time"})).await;
    caller.call("mcp-exec", json!({"tool": "time.grow"})).await;
    let exec = || caller.try_call("mcp-exec", json!({"tool": "time.grown"}));
    until("what is new is held back", async || {
        exec().await.is_err_and(|error| error.to_string().contains("is held back"))
    })
    .await;
    let held = async || scene.profile.lock().await.unwrap().servers.get("time").map(|lock| lock.surfaces().len());
    until("it is recorded", async || held().await.is_some()).await;

    // The command line of an operator is another process, whose gateway does not have the server.
    let profile = Arc::clone(&scene.profile) as Arc<dyn Profile>;
    let operators = GatewayBuilder::new().with_profile(profile).with_catalog(catalog).build().await.unwrap();
    let server = name("time");
    until("the operator sees it", async || operators.diff(&server).await.is_ok_and(|diff| diff.held == 1)).await;
    let ann = crate::model::Principal::new("ann");
    operators.approve_server_with(&server, &ann, &crate::gateway::Approval::default()).await.unwrap();
    assert_eq!(operators.diff(&server).await.unwrap().held, 0);
    assert_eq!(operators.diff(&name("other")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(exec().await.unwrap()["structuredContent"]["tool"], "grown");
    operators.shutdown().await;
}
