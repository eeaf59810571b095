//! Who has to agree before a server is added, and what they are shown.

use super::super::*;
use super::bench::{OWN, Plan, Scene};
use crate::approval::queue::PendingApproval;
use crate::approval::{ApprovalQueue, Verdict};
use crate::model::{Metadata, OneOrMany, Preset, RuleKind, SecretEntry};
use crate::policy::PolicyQuestion;
use crate::profile::{PolicyRuleSpec, SaveWord};

/// A gateway with the rules that come with it, and one server that says much about itself.
async fn stage(queue: &ApprovalQueue, edit: impl FnOnce(&mut ProfileSpec)) -> Scene {
    let plan = Plan::new().with_entry("time", &Scripted::new(&["now"]), |entry| {
        entry.metadata =
            Some(Metadata { owner: Some("Acme".to_owned()), license: Some("MIT".to_owned()), ..Metadata::default() });
        entry.title = Some("Time\nwould: nothing".to_owned());
        entry.allow_hosts = vec!["time.example:443".to_owned()];
        let mut secret = SecretEntry::new("time.key", "KEY");
        secret.required = Some(false);
        entry.secrets = vec![secret];
    });
    let mut plan = plan.edit(|spec| spec.policy.preset = Some(Preset::Default)).edit(edit);
    plan.queue = Some(queue.clone());
    plan.build().await
}

async fn pending(queue: &ApprovalQueue) -> PendingApproval {
    loop {
        if let Some(pending) = queue.pending().await.unwrap().pop() {
            return pending;
        }
        tokio::task::yield_now().await;
    }
}

fn yes() -> Verdict {
    Verdict::new(true, "ann", "ticket 7")
}

#[tokio::test]
async fn an_operator_sees_what_would_run_and_nothing_runs_before() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let scene = stage(&queue, |_| {}).await;
    let caller = scene.caller().await;
    assert_eq!(caller.call("mcp-find", json!({"query": "time"})).await["servers"][0]["publisher"], "Acme");
    let operator = async {
        let pending = pending(&queue).await;
        assert_eq!(scene.runtime.started(), 0);
        for line in [
            "\nwould: add server `time` (Time would: nothing)\n",
            "\nkept: for this session\n",
            "\npublisher: Acme\n",
            "\nlicence: MIT\n",
            "\nsecrets: time.key\n",
            "\nnetwork: time.example:443\n",
            "\nmounts: none\n",
            "\nadded before: never\n",
            "\nwanted: hard_confirm\n",
        ] {
            assert!(pending.text.contains(line), "{line:?} is not in {}", pending.text);
        }
        queue.answer(&pending.id, yes()).await.unwrap();
    };
    let (added, ()) = tokio::join!(caller.call("mcp-add", json!({"server": "time"})), operator);
    assert_eq!(added["status"], "added");
    let record = scene.records("tools/call").await.pop().unwrap().event;
    assert_eq!(
        (record.server.unwrap().to_string(), record.name.unwrap()),
        ("gateway".to_owned(), "mcp-add".to_owned())
    );
    assert_eq!(record.decision.unwrap().rule, "default/adding-a-server");
    // Giving back needs nobody; another one is asked about again, with what is known by then.
    caller.call("mcp-remove", json!({"server": "time"})).await;
    until("it is recorded", async || !scene.profile.lock().await.unwrap().servers.is_empty()).await;
    let again = async {
        let pending = pending(&queue).await;
        assert!(pending.text.contains("added before: as it is now: seen "), "{}", pending.text);
        assert!(pending.text.contains("\ntools: now\n"), "{}", pending.text);
        queue.answer(&pending.id, Verdict::new(false, "ann", "no")).await.unwrap();
    };
    let (refused, ()) = tokio::join!(caller.try_call("mcp-add", json!({"server": "time"})), again);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(scene.runtime.started(), 1);
}

#[tokio::test]
async fn a_denied_add_starts_and_tells_nothing() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let rule = || {
        let mut rule = PolicyRuleSpec::any(Effect::Deny).with_id("no-servers");
        rule.kind = OneOrMany::new([RuleKind::AddServer]);
        rule
    };
    let scene = stage(&queue, |spec| spec.policy.rules = vec![rule()]).await;
    let caller = scene.caller_that(&json!({"elicitation": {}})).await;
    for arguments in [json!({"server": "time"}), json!({"server": "nonsense"}), json!({})] {
        for (tool, arguments) in
            [("mcp-add", arguments.clone()), ("mcp-exec", json!({"tool": "gateway.mcp-add", "arguments": arguments}))]
        {
            let error = caller.try_call(tool, arguments).await.unwrap_err();
            assert_eq!(error.to_string(), "`gateway.mcp-add` is denied by policy (rule: no-servers)");
        }
    }
    assert_eq!((scene.runtime.started(), caller.tools().await.len()), (0, OWN.len()));
    assert!(caller.link.asked.lock().unwrap().is_empty());
    assert!(scene.records("server/add").await.is_empty());
}

#[tokio::test]
async fn a_rule_about_calls_lets_nobody_add_servers() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let mut rule = PolicyRuleSpec::any(Effect::Allow);
    rule.kind = OneOrMany::new([RuleKind::CallTool]);
    let scene = stage(&queue, |spec| spec.policy.rules = vec![rule]).await;
    let effect = async |name: &str, kind| {
        let mut question = PolicyQuestion::call(name);
        question.kind = kind;
        scene.gateway.explain_policy(&question).await.unwrap().decision.effect
    };
    assert_eq!(effect("gateway.mcp-find", None).await, Effect::Allow);
    assert_eq!(effect("gateway.mcp-add", None).await, Effect::HardConfirm);
    assert_eq!(effect("time", Some(RuleKind::AddServer)).await, Effect::HardConfirm);
    assert_eq!(effect("time", Some(RuleKind::RemoveServer)).await, Effect::Allow);
    assert_eq!(effect("time", Some(RuleKind::SetConfig)).await, Effect::HardConfirm);
}

#[tokio::test]
async fn nobody_is_asked_about_what_cannot_be() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let scene = stage(&queue, |_| {}).await;
    let caller = scene.caller().await;
    for arguments in [
        json!({"server": "nonsense"}),
        json!({"server": "time", "config": {"unknown": 1}}),
        json!({"server": "gateway"}),
        json!({"server": "../time"}),
        json!({}),
    ] {
        caller.fail("mcp-add", arguments).await;
    }
    caller.fail("mcp-config-set", json!({"server": "time", "config": {"x": 1}})).await;
    assert!(queue.pending().await.unwrap().is_empty());
    assert!(scene.records("approval/ask").await.is_empty());
}

#[tokio::test]
async fn a_change_is_kept_only_where_the_profile_says_so() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let kept = || json!({"server": "time", "profile": "p"});
    let never = stage(&queue, |spec| spec.policy.preset = None).await;
    let error = never.caller().await.try_call("mcp-add", kept()).await.unwrap_err();
    assert!(error.to_string().contains("rule: dynamic.save"), "{error}");

    let ask = stage(&queue, |spec| {
        spec.policy.preset = None;
        spec.dynamic.save = SaveWord::Ask;
    });
    let ask = ask.await;
    let (caller, other) = (ask.caller().await, ask.caller().await);
    let answer = caller.fail("mcp-add", json!({"server": "time", "profile": "elsewhere"})).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("is not the one of this gateway"), "{answer}");
    let operator = async {
        let pending = pending(&queue).await;
        assert!(pending.text.contains("\nkept: in profile `p`\n"), "{}", pending.text);
        queue.answer(&pending.id, yes()).await.unwrap();
    };
    let (added, ()) = tokio::join!(caller.call("mcp-add", kept()), operator);
    assert_eq!(added["tools"][0]["tool"], "time.now");
    assert!(ask.profile.spec().await.unwrap().servers.contains_key("time"));
    assert_eq!(other.call("mcp-exec", json!({"tool": "time.now"})).await["tool"], "now", "others see it too");
    // What the profile has, a session cannot take out for itself.
    let answer = caller.fail("mcp-remove", json!({"server": "time"})).await;
    assert_eq!(answer["structuredContent"]["error"]["kind"], "denied");
    let operator = async {
        let pending = pending(&queue).await;
        queue.answer(&pending.id, yes()).await.unwrap();
    };
    let (removed, ()) = tokio::join!(caller.call("mcp-remove", kept()), operator);
    assert_eq!(removed["status"], "removed");
    assert!(ask.profile.spec().await.unwrap().servers.is_empty());
}

/// A catalog with one server, which may become another.
#[derive(Debug)]
struct Moving(Mutex<Arc<ServerEntry>>);

#[async_trait]
impl crate::catalog::Catalog for Moving {
    fn name(&self) -> &str {
        "moving"
    }

    async fn get(&self, server: &ServerName) -> Result<Option<Arc<ServerEntry>>> {
        Ok(Some(Arc::clone(&self.0.lock().unwrap())).filter(|entry| entry.name == *server))
    }

    async fn list(&self) -> Result<Vec<Arc<ServerEntry>>> {
        Ok(vec![Arc::clone(&self.0.lock().unwrap())])
    }
}

#[tokio::test]
async fn an_approval_is_of_the_server_that_was_shown() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let entry = |image: &str| Arc::new(ServerEntry::image(name("time"), image));
    let catalog = Arc::new(Moving(Mutex::new(entry("good"))));
    let mut plan = Plan::new().with("time", &Scripted::new(&["now"]));
    plan = plan.edit(|spec| spec.policy.preset = Some(Preset::Default));
    plan.queue = Some(queue.clone());
    plan.catalog = Some(Arc::clone(&catalog) as _);
    let scene = plan.build().await;
    let caller = scene.caller().await;
    let operator = async {
        let pending = pending(&queue).await;
        *catalog.0.lock().unwrap() = entry("evil");
        queue.answer(&pending.id, yes()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(caller.fail("mcp-add", json!({"server": "time"})), operator);
    assert_eq!(answer["structuredContent"]["error"]["kind"], "conflict");
    assert_eq!(scene.runtime.started(), 0);
}

#[tokio::test]
async fn a_yes_for_a_session_is_none_for_another_configuration() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let mut plan = Plan::new().with_entry("time", &Scripted::new(&["now"]), |entry| {
        let schema = json!({"properties": {"folder": {"type": "string"}}});
        let config = crate::model::ConfigEntry { name: "time".to_owned(), schema: schema.as_object().unwrap().clone() };
        entry.config = vec![config];
        entry.volumes = vec!["{{time.folder}}:/data".to_owned()];
    });
    plan = plan.edit(|spec| spec.policy.preset = Some(Preset::Default));
    plan.queue = Some(queue.clone());
    let scene = plan.build().await;
    let caller = scene.caller().await;
    let add = |folder: &str| caller.try_call("mcp-add", json!({"server": "time", "config": {"folder": folder}}));
    let operator = async |granted: bool, mount: &str| {
        let pending = pending(&queue).await;
        // Its arguments are shown; this runtime has no mounts.
        assert!(pending.text.contains(mount), "{}", pending.text);
        let verdict = Verdict::new(granted, "ann", "ticket 7").with_scope(crate::approval::Scope::Session);
        queue.answer(&pending.id, verdict).await.unwrap();
    };
    // The first yes was for what was never seen; what it turns out to be is asked about once more.
    for _ in 0..2 {
        let (added, ()) = tokio::join!(add("/srv/a"), operator(true, "/srv/a"));
        added.unwrap();
        caller.call("mcp-remove", json!({"server": "time"})).await;
    }
    add("/srv/a").await.unwrap();
    caller.call("mcp-remove", json!({"server": "time"})).await;
    let (refused, ()) = tokio::join!(add("/etc"), operator(false, "/etc"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Denied);
}
