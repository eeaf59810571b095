//! Agents of both eras that add servers.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_gateway_core::Result;
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway as _, GatewayBuilder, GatewayHost, McpGateway};
use mcp_gateway_core::model::{Effect, Principal, ProfileName, RuleKind, ServerEntry, ServerName};
use mcp_gateway_core::profile::{
    DynamicSpec, LockChange, MemoryProfile, MemoryProfiles, PolicyRuleSpec, Profile, ProfileLock, ProfileSpec,
    ServerSpec, SpecChange,
};
use mcp_gateway_core::protocol::Era;
use mcp_gateway_core::runtime::MemoryRuntime;
use mcp_gateway_core::transport::server::{StreamConfig, connect_memory};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, alone, call};
use crate::server::{Served, Server};

/// A profile whose servers all live in this process.
#[derive(Debug)]
struct InProcess(MemoryProfile);

#[async_trait]
impl Profile for InProcess {
    fn name(&self) -> &ProfileName {
        self.0.name()
    }

    async fn spec(&self) -> Result<ProfileSpec> {
        self.0.spec().await
    }

    async fn update(&self, change: SpecChange<'_>) -> Result<ProfileSpec> {
        self.0.update(change).await
    }

    async fn spec_with(&self, server: &ServerName, mut settings: ServerSpec) -> Result<ProfileSpec> {
        settings.runtime = Some("memory".to_owned());
        self.0.spec_with(server, settings).await
    }

    async fn lock(&self) -> Result<ProfileLock> {
        self.0.lock().await
    }

    async fn update_lock(&self, change: LockChange<'_>) -> Result<ProfileLock> {
        self.0.update_lock(change).await
    }
}

async fn gateway() -> McpGateway {
    gateway_with(DynamicSpec::on().with_profiles(["both"]), |_| {}).await
}

/// A gateway without servers; `old` and `new` can be added, which the person at the client confirms, and another profile
/// has both.
pub(crate) async fn gateway_with(dynamic: DynamicSpec, edit: impl Fn(&mut ServerEntry)) -> McpGateway {
    let mut spec = ProfileSpec::new(ProfileName::new("empty").unwrap());
    spec.dynamic = dynamic;
    let mut both = ProfileSpec::new(ProfileName::new("both").unwrap());
    let mut rule = PolicyRuleSpec::any(Effect::SoftConfirm).with_id("adding");
    rule.kind = serde_json::from_value(json!(RuleKind::AddServer)).unwrap();
    spec.policy.default = Some(Effect::Allow);
    spec.policy.rules = vec![rule];
    let (mut catalog, mut runtime) = (MemoryCatalog::new("eras"), MemoryRuntime::new());
    for (name, era) in [("old", Era::Session), ("new", Era::Stateless)] {
        both = both.with_server(ServerName::new(name).unwrap(), ServerSpec::default());
        let mut entry = ServerEntry::image(ServerName::new(name).unwrap(), "none");
        edit(&mut entry);
        catalog = catalog.with_entry(entry);
        runtime = runtime.with_server(name, Arc::new(Served(Server::new(era))));
    }
    let builder = GatewayBuilder::new()
        .with_profile(Arc::new(InProcess(MemoryProfile::new(spec))))
        .with_profiles(Arc::new(MemoryProfiles::new().with_profile(both)))
        .with_catalog(Arc::new(catalog))
        .with_runtime(Arc::new(runtime));
    builder.build().await.unwrap()
}

async fn connect(gateway: &McpGateway) -> Client {
    connect_by(gateway, |host| host).await
}

pub(crate) async fn connect_by(gateway: &McpGateway, edit: impl FnOnce(GatewayHost) -> GatewayHost) -> Client {
    let host = Arc::new(edit(GatewayHost::new(Arc::new(gateway.clone()))));
    let shutdown = CancellationToken::new();
    Client::new(connect_memory(host, Principal::new("ann"), StreamConfig::default(), shutdown).await.unwrap())
}

pub(crate) fn told(answer: &Value) -> &Value {
    assert_eq!(answer["result"]["isError"].as_bool(), None, "{answer}");
    &answer["result"]["structuredContent"]
}

#[tokio::test]
async fn a_client_with_a_session_confirms_by_a_form_and_is_told_of_the_new_tools() {
    let gateway = gateway().await;
    let client = connect(&gateway).await;
    client.greet(json!({"elicitation": {}})).await;
    for server in ["old", "new"] {
        assert_eq!(
            told(&client.ask("tools/call", call("mcp-find", json!({"query": server}))).await)["servers"][0]["added"],
            false
        );
        let adding = client.begin("tools/call", call("mcp-add", json!({"server": server})));
        let form = client.hear("elicitation/create").await;
        let message = form["params"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("would: add server `{server}`")), "{message}");
        let yes = json!({"action": "accept", "content": {"decision": "approve"}});
        client.send(&json!({"jsonrpc": "2.0", "id": form["id"], "result": yes}));
        client.hear("notifications/tools/list_changed").await;
        assert_eq!(told(&client.answer(adding).await)["status"], "added");
        let wanted = call("mcp-exec", json!({"tool": format!("{server}.echo"), "arguments": {"x": 1}}));
        let by_exec = client.ask("tools/call", wanted).await;
        let direct = client.ask("tools/call", call(&format!("{server}.echo"), json!({"x": 1}))).await;
        assert_eq!(by_exec["result"], direct["result"]);
        assert!(direct["error"].is_null(), "{direct}");
    }
    // Without a form, whoever has to confirm cannot be asked here.
    let other = connect(&gateway).await;
    other.greet(json!({})).await;
    let refused = other.ask("tools/call", call("mcp-add", json!({"server": "old"}))).await;
    assert_eq!(refused["error"]["code"], -32001, "{refused}");
    let unknown = other.ask("tools/call", call("old.echo", json!({}))).await;
    assert!(unknown["error"]["message"].as_str().unwrap().contains("offered by no server"), "{unknown}");
    gateway.shutdown().await;
}

#[tokio::test]
async fn without_sessions_what_is_added_belongs_to_the_client_of_one_kind() {
    let gateway = gateway().await;
    let client = connect(&gateway).await;
    let able = || json!({"elicitation": {"form": {}}});
    let listening =
        client.begin("subscriptions/listen", alone(able(), json!({"notifications": {"toolsListChanged": true}})));
    client.hear("notifications/subscriptions/acknowledged").await;
    let question = call("mcp-add", json!({"server": "new"}));
    let asked = client.ask_alone(able(), "tools/call", question.clone()).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let mut again = question;
    let keys = asked["result"]["inputRequests"].as_object().unwrap().keys();
    let yes = json!({"action": "accept", "content": {"decision": "approve"}});
    again["inputResponses"] = keys.map(|key| (key.clone(), yes.clone())).collect();
    again["requestState"] = asked["result"]["requestState"].clone();
    let added = client.ask_alone(able(), "tools/call", again).await;
    assert_eq!(told(&added)["status"], "added");
    client.hear("notifications/tools/list_changed").await;
    let exec = || call("mcp-exec", json!({"tool": "new.echo", "arguments": {"x": 1}}));
    let answer = client.ask_alone(able(), "tools/call", exec()).await;
    assert!(answer["error"].is_null() && answer["result"]["isError"].is_null(), "{answer}");
    // A request that says it can do something else is of another client, as is whoever comes over another connection.
    for (who, can) in [(client.clone(), json!({})), (connect(&gateway).await, able())] {
        let answer = who.ask_alone(can, "tools/call", exec()).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
    }
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": listening}}));
    gateway.shutdown().await;
}

#[tokio::test]
async fn the_servers_of_a_profile_are_confirmed_one_by_one_in_either_era() {
    let gateway = gateway().await;
    let question = || {
        let mut question = call("mcp-activate-profile", json!({"profile": "both"}));
        question["_meta"] = json!({"progressToken": "p"});
        question
    };
    let decide = |message: &str| {
        let word = if message.contains("would: add server `old`") { "approve" } else { "reject" };
        json!({"action": "accept", "content": {"decision": word}})
    };
    let check = |answer: &Value| {
        assert_eq!(answer["result"]["isError"], true, "one of them was refused: {answer}");
        let servers = &answer["result"]["structuredContent"]["servers"];
        assert_eq!((&servers[0]["server"], &servers[0]["status"]), (&json!("old"), &json!("added")), "{answer}");
        assert_eq!(
            (&servers[1]["server"], &servers[1]["error"]["kind"]),
            (&json!("new"), &json!("denied")),
            "{answer}"
        );
    };

    let with_session = connect(&gateway).await;
    with_session.greet(json!({"elicitation": {}})).await;
    let activating = with_session.begin("tools/call", question());
    for _ in 0..2 {
        let form = with_session.hear("elicitation/create").await;
        let answer = decide(form["params"]["message"].as_str().unwrap());
        with_session.send(&json!({"jsonrpc": "2.0", "id": form["id"], "result": answer}));
    }
    check(&with_session.answer(activating).await);

    let without = connect(&gateway).await;
    let able = || json!({"elicitation": {"form": {}}});
    let mut answer = without.ask_alone(able(), "tools/call", question()).await;
    let mut rounds = 0;
    while answer["result"]["resultType"] == "input_required" {
        rounds += 1;
        assert!(rounds < 3, "{answer}");
        let mut again = question();
        let asked = answer["result"]["inputRequests"].as_object().unwrap();
        let given = asked.iter().map(|(key, one)| (key.clone(), decide(one["params"]["message"].as_str().unwrap())));
        again["inputResponses"] = given.collect();
        again["requestState"] = answer["result"]["requestState"].clone();
        answer = without.ask_alone(able(), "tools/call", again).await;
    }
    check(&answer);
    gateway.shutdown().await;
}
