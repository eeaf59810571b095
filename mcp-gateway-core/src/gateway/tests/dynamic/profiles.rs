//! Servers of other profiles, and what is written down as one.

use super::super::*;
use super::bench::{Caller, OWN, Plan, Scene};
use crate::approval::{ApprovalQueue, Verdict};
use crate::error::Error;
use crate::model::{ConfigEntry, OneOrMany, Preset, RuleKind};
use crate::profile::{DynamicSpec, MemoryProfiles, PolicyRuleSpec, Profiles, SaveWord};

fn profile(named: &str, servers: &[&str]) -> ProfileSpec {
    let spec = ProfileSpec::new(named.parse().unwrap());
    servers.iter().fold(spec, |spec, server| spec.with_server(name(server), ServerSpec::default()))
}

/// Three servers in the catalog, none in the own profile, and two other profiles, of which agents see one.
fn plan() -> (Plan, Arc<MemoryProfiles>) {
    let mut team = profile("team-a", &["time", "git", "gone"]);
    team.description = Some("What the team uses".to_owned());
    team.tools = vec!["!git:drop".to_owned()];
    team.servers[&name("git")].config.insert("folder".to_owned(), json!("/srv/team"));
    let profiles = MemoryProfiles::new().with_profile(team).with_profile(profile("private", &["time"]));
    let profiles = Arc::new(profiles);
    let with_folder = |entry: &mut ServerEntry| {
        let schema = json!({"properties": {"folder": {"type": "string", "anyOf": []}}, "required": ["folder"]});
        entry.config = vec![ConfigEntry { name: "git".to_owned(), schema: schema.as_object().unwrap().clone() }];
    };
    let mut plan = Plan::new()
        .with("time", &Scripted::new(&["now"]))
        .with_entry("git", &Scripted::new(&["log", "drop"]), with_folder)
        .with("other", &Scripted::new(&["else"]))
        .edit(|spec| spec.dynamic = DynamicSpec::on().with_profiles(["team-*"]).with_save(SaveWord::Always));
    plan.profiles = Some(Arc::clone(&profiles));
    (plan, profiles)
}

async fn scene() -> (Scene, Caller) {
    let scene = plan().0.build().await;
    let caller = scene.caller().await;
    (scene, caller)
}

#[tokio::test]
async fn every_server_of_a_profile_is_added_as_by_a_call_of_its_own() {
    let (scene, caller) = scene().await;
    let listed = caller.call("mcp-list", json!({})).await;
    assert_eq!(
        listed["profiles"],
        json!([{"profile": "team-a", "servers": ["time", "git", "gone"], "description": "What the team uses"}])
    );
    let answer = caller.fail("mcp-activate-profile", json!({"profile": "team-a"})).await;
    let servers = &answer["structuredContent"]["servers"];
    assert_eq!(
        servers[0],
        json!({"server": "time", "status": "added", "tools": [{"tool": "time.now", "description": ""}]})
    );
    assert_eq!(servers[1]["tools"], json!([{"tool": "git.log", "description": ""}]), "the profile takes one out");
    assert_eq!((&servers[2]["status"], &servers[2]["error"]["kind"]), (&json!("failed"), &json!("not_found")));
    assert_eq!(caller.call("mcp-exec", json!({"tool": "git.log"})).await["tool"], "log");
    caller.fail("mcp-exec", json!({"tool": "git.drop"})).await;

    let records = scene.records("tools/call").await;
    let adds: Vec<_> = records.iter().filter(|record| record.event.name.as_deref() == Some("mcp-add")).collect();
    assert_eq!(adds.len(), 3, "each is recorded as the call that it is");
    assert!(adds.iter().all(|record| record.event.detail.as_ref().unwrap()["via"] == "mcp-activate-profile"));
    let added = scene.records("server/add").await;
    let git = added.iter().find(|record| record.event.server == Some(name("git"))).unwrap();
    assert_eq!(git.event.detail.as_ref().unwrap()["settings"]["config"], json!(["folder"]));
    // Nobody else has them, and once more they are there.
    assert_eq!(scene.caller().await.tools().await.len(), OWN.len() + 2);
    let again = caller.fail("mcp-activate-profile", json!({"profile": "team-a"})).await;
    assert_eq!(again["structuredContent"]["servers"][1]["status"], "already_added");
    scene.gateway.shutdown().await;
}

#[tokio::test]
async fn only_the_profiles_that_are_shown_are_there() {
    let (scene, caller) = scene().await;
    for (tool, arguments) in [
        ("mcp-activate-profile", json!({"profile": "private"})),
        ("mcp-activate-profile", json!({"profile": "team-none"})),
        ("mcp-exec", json!({"tool": "gateway.mcp-activate-profile", "arguments": {"profile": "private"}})),
        ("mcp-add", json!({"server": "time", "from": "private"})),
        ("mcp-add", json!({"server": "time", "from": "p"})),
        ("mcp-add", json!({"server": "other", "from": "team-a"})),
    ] {
        let answer = caller.fail(tool, arguments.clone()).await;
        assert_eq!(answer["structuredContent"]["error"]["kind"], "not_found", "{arguments}");
    }
    for (tool, arguments) in [
        ("mcp-activate-profile", json!({})),
        ("mcp-activate-profile", json!({"profile": "team-a", "description": "x"})),
        ("mcp-activate-profile", json!({"profile": "../team-a"})),
        ("mcp-remove", json!({"server": "time", "from": "team-a"})),
    ] {
        let answer = caller.fail(tool, arguments.clone()).await;
        assert_eq!(answer["structuredContent"]["error"]["kind"], "invalid_input", "{arguments}");
    }
    assert_eq!((scene.runtime.started(), scene.records("server/add").await.len()), (0, 0));
    // What nobody may see or write is not offered.
    let (plan, _) = plan();
    let closed = plan.edit(|spec| spec.dynamic = DynamicSpec::on()).build().await;
    assert_eq!(closed.caller().await.tools().await, OWN);
}

#[tokio::test]
async fn rules_about_adding_hold_for_each_server_of_a_profile() {
    let deny = |pointer: &str, value: &str| {
        let mut rule = PolicyRuleSpec::any(Effect::Deny).with_id(value.to_owned());
        rule.kind = OneOrMany::new([RuleKind::AddServer]);
        rule.arguments = serde_json::from_value(json!({pointer: {"equals": value}})).unwrap();
        rule
    };
    let rules = vec![deny("/server", "time"), deny("/config/folder", "/srv/team")];
    let scene = plan().0.edit(|spec| spec.policy.rules = rules).build().await;
    let caller = scene.caller().await;
    let answer = caller.fail("mcp-activate-profile", json!({"profile": "team-a"})).await;
    let said: Vec<_> =
        answer["structuredContent"]["servers"].as_array().unwrap().iter().map(|one| &one["error"]["kind"]).collect();
    assert_eq!(said, ["denied", "denied", "not_found"], "{answer}");
    let error = caller.try_call("mcp-add", json!({"server": "git", "from": "team-a"})).await.unwrap_err();
    assert!(error.to_string().contains("rule: /srv/team"), "the rules see what the profile says: {error}");
    assert_eq!(scene.runtime.started(), 0);
    // Other values are the agent's own, and count before the profile's.
    let answer = caller.fail("mcp-add", json!({"server": "git", "from": "team-a", "config": {"folder": "/tmp"}})).await;
    assert_eq!(answer["structuredContent"]["error"]["kind"], "unsupported", "its schema is not looked at for an agent");
}

#[tokio::test]
async fn an_operator_is_asked_about_each_server_at_once() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let (mut plan, _) = plan();
    plan = plan.edit(|spec| spec.policy.preset = Some(Preset::Default));
    plan.queue = Some(queue.clone());
    let scene = plan.build().await;
    let caller = scene.caller().await;
    let operator = async {
        let pending = loop {
            let pending = queue.pending().await.unwrap();
            if pending.len() == 2 {
                break pending;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(scene.runtime.started(), 0);
        for one in pending {
            assert!(one.text.contains("\nsettings: those of profile `team-a`\n"), "{}", one.text);
            let granted = one.text.contains("server `git`");
            queue.answer(&one.id, Verdict::new(granted, "ann", "ticket 7")).await.unwrap();
        }
    };
    let (answer, ()) = tokio::join!(caller.fail("mcp-activate-profile", json!({"profile": "team-a"})), operator);
    let status: Vec<_> =
        answer["structuredContent"]["servers"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(status, ["failed", "added", "failed"], "{answer}");
}

/// Profiles in which one changes while somebody is asked.
#[tokio::test]
async fn an_approval_is_of_the_settings_that_were_shown() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let moving = Arc::new(Moving(Mutex::new(profile("team-a", &["time"]))));
    let (mut plan, _) = plan();
    plan = plan.edit(|spec| spec.policy.preset = Some(Preset::Default));
    plan.queue = Some(queue.clone());
    let gateway = plan.bench;
    let held = Arc::clone(&moving);
    let operators = queue.clone();
    let built = gateway.build_with(|builder| builder.with_profiles(held).with_approvals(operators)).await;
    let session = built.gateway.open_session(crate::gateway::SessionOptions::new()).await.unwrap();
    let ctx = CallContext::local().with_session(session);
    let operator = async {
        let pending = loop {
            if let Some(pending) = queue.pending().await.unwrap().pop() {
                break pending;
            }
            tokio::task::yield_now().await;
        };
        moving.0.lock().unwrap().servers[&name("time")].writable = vec!["/etc".to_owned()];
        queue.answer(&pending.id, Verdict::new(true, "ann", "ticket 7")).await.unwrap();
    };
    let request = Request::call_tool("mcp-activate-profile", &json!({"profile": "team-a"})).unwrap();
    let (answer, ()) = tokio::join!(built.gateway.dispatch(&ctx, request), operator);
    let answer: Value = answer.unwrap().result.unwrap().read().unwrap();
    assert_eq!(answer["structuredContent"]["servers"][0]["error"]["kind"], "conflict", "{answer}");
    assert_eq!(built.runtime.started(), 0);
}

#[derive(Debug)]
struct Moving(Mutex<ProfileSpec>);

#[async_trait]
impl Profiles for Moving {
    async fn names(&self) -> Result<Vec<crate::model::ProfileName>> {
        Ok(vec![self.0.lock().unwrap().name.clone()])
    }

    async fn spec(&self, _: &crate::model::ProfileName) -> Result<ProfileSpec> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn create(&self, spec: ProfileSpec) -> Result<()> {
        Err(Error::new(ErrorKind::AlreadyExists, format!("profile `{}` was quicker", spec.name)))
    }
}

#[tokio::test]
async fn what_a_session_has_is_written_down_with_the_rules_of_its_profile() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let (mut plan, profiles) = plan();
    let denied = PolicyRuleSpec::new("time.drop", Effect::Deny);
    plan = plan.with_profiled("one", &Scripted::new(&["alpha"])).edit(|spec| {
        spec.policy.preset = Some(Preset::Default);
        let mut adding = PolicyRuleSpec::any(Effect::Allow);
        adding.kind = OneOrMany::new([RuleKind::AddServer]);
        spec.policy.rules = vec![denied, adding];
    });
    plan.queue = Some(queue.clone());
    let scene = plan.build().await;
    let caller = scene.caller().await;
    caller.call("mcp-add", json!({"server": "git", "from": "team-a"})).await;
    for taken in ["team-a", "private", "p"] {
        let answer = caller.fail("mcp-create-profile", json!({"profile": taken})).await;
        assert_eq!(answer["structuredContent"]["error"]["kind"], "already_exists");
    }
    let operator = async {
        let pending = loop {
            if let Some(pending) = queue.pending().await.unwrap().pop() {
                break pending;
            }
            tokio::task::yield_now().await;
        };
        for line in ["\nwould: write profile `mine`", "\nservers: one, git\n", "\nrules: those of profile `p`\n"] {
            assert!(pending.text.contains(line), "{line:?} is not in {}", pending.text);
        }
        queue.answer(&pending.id, Verdict::new(true, "ann", "ticket 7")).await.unwrap();
    };
    let create = caller.call("mcp-create-profile", json!({"profile": "mine", "description": "For later"}));
    let (created, ()) = tokio::join!(create, operator);
    assert_eq!(created["servers"], json!(["one", "git"]));
    let written = profiles.spec(&"mine".parse().unwrap()).await.unwrap();
    assert_eq!(written.description.as_deref(), Some("For later"));
    assert_eq!(written.servers[&name("git")].config["folder"], "/srv/team");
    assert_eq!(written.policy, scene.profile.spec().await.unwrap().policy);
    let record = scene.records("profile/create").await.pop().unwrap().event;
    assert_eq!(record.detail, Some(json!({"by": "mcp-create-profile", "profile": "mine", "servers": ["one", "git"]})));
    assert_eq!(
        scene.records("tools/call").await.pop().unwrap().event.decision.unwrap().rule,
        "default/adding-a-server"
    );
}

#[tokio::test]
async fn nothing_is_written_down_where_nothing_may_be_kept() {
    let (plan, profiles) = plan();
    let scene = plan.edit(|spec| spec.dynamic.save = SaveWord::Never).build().await;
    let caller = scene.caller().await;
    caller.call("mcp-add", json!({"server": "time"})).await;
    assert!(!caller.tools().await.contains(&"mcp-create-profile".to_owned()));
    let error = caller.try_call("gateway.mcp-create-profile", json!({"profile": "mine"})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(profiles.names().await.unwrap().len(), 2);
}
