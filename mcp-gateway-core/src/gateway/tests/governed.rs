//! What policy binds to: what a server said of itself, and what an operator approved of that.

use std::collections::BTreeMap;

use super::*;
use crate::approval::{Answer, MemoryApprover};
use crate::catalog::Catalog;
use crate::gateway::Approval;
use crate::model::{Decision, Described, Preset, Principal, Rule};
use crate::policy::{Policy, PolicyCase, PolicyQuestion};
use crate::protocol::{RawObject, RequestKind};

/// A server of tools with annotations that can be exchanged, prompts, and resources.
#[derive(Debug)]
struct Hinted(Mutex<Value>);

impl Hinted {
    fn new(tools: Value) -> Arc<Self> {
        Arc::new(Self(Mutex::new(tools)))
    }
}

#[async_trait]
impl MemoryServer for Hinted {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = message.get("id") else { continue };
            let mut changed = false;
            let answer = match message["method"].as_str().unwrap() {
                "initialize" => json!({"result": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}},
                    "serverInfo": {"name": "hinted", "version": "1"},
                }}),
                "tools/list" => json!({"result": {"tools": *self.0.lock().unwrap()}}),
                "prompts/list" => json!({"result": {"prompts": [{"name": "thing"}]}}),
                "resources/list" => json!({"result": {"resources": [{"uri": "x://thing", "name": "thing"}]}}),
                "resources/templates/list" => {
                    json!({"result": {"resourceTemplates": [{"uriTemplate": "x://of/{id}", "name": "of"}]}})
                }
                "tools/call" => {
                    changed = message["params"]["name"] == "change";
                    if changed {
                        let mut tools = self.0.lock().unwrap();
                        for tool in tools.as_array_mut().unwrap() {
                            tool["description"] = "now it does something else".into();
                        }
                    }
                    json!({"result": {"content": []}})
                }
                "prompts/get" => json!({"result": {"messages": []}}),
                "resources/read" => json!({"result": {"contents": []}}),
                "resources/subscribe" | "resources/unsubscribe" => json!({"result": {}}),
                "completion/complete" => json!({"result": {"completion": {"values": []}}}),
                _ => json!({"error": {"code": -32601, "message": "no such method"}}),
            };
            let mut answer = answer;
            answer["jsonrpc"] = "2.0".into();
            answer["id"] = id.clone();
            write.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            if changed {
                let told = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
                write.write_all(format!("{told}\n").as_bytes()).await.unwrap();
            }
        }
    }
}

fn tool(name: &str, annotations: Value) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}, "annotations": annotations})
}

struct Parts {
    profile: Arc<MemoryProfile>,
    catalog: Arc<dyn Catalog>,
    runtime: Arc<dyn Runtime>,
}

impl Parts {
    fn new(server: &Arc<Hinted>, edit: impl FnOnce(&mut ProfileSpec)) -> Self {
        let own = ServerSpec { runtime: Some("memory".to_owned()), ..ServerSpec::default() };
        let mut spec = ProfileSpec::new(ProfileName::new("p").unwrap()).with_server(name("s"), own);
        edit(&mut spec);
        Self {
            profile: Arc::new(MemoryProfile::new(spec)),
            catalog: Arc::new(MemoryCatalog::new("c").with_entry(ServerEntry::image(name("s"), "none"))),
            runtime: Arc::new(MemoryRuntime::new().with_server("s", Arc::clone(server) as _)),
        }
    }

    fn builder(&self) -> GatewayBuilder {
        GatewayBuilder::new()
            .with_profile(Arc::clone(&self.profile) as _)
            .with_catalog(Arc::clone(&self.catalog))
            .with_runtime(Arc::clone(&self.runtime))
    }
}

/// Keeps what it is asked about.
#[derive(Debug, Default)]
struct Seeing(Mutex<Vec<(String, Option<Arc<Described>>)>>);

#[async_trait]
impl Policy for Seeing {
    async fn decide(&self, _ctx: &CallContext, request: &Request) -> Result<Decision> {
        if let Some(target) = &request.target {
            self.0.lock().unwrap().push((format!("{} {target}", request.kind), request.described.clone()));
        }
        Ok(Decision::new(Effect::Allow, "all", "yes"))
    }
}

fn reference(kind: &str, key: &str, value: &str) -> RawObject {
    let reference = json!({"ref": {"type": kind, key: value}, "argument": {"name": "a", "value": ""}});
    RawJson::from_value(&reference).unwrap().object().unwrap()
}

fn named(kind: RequestKind, member: &str, value: &str) -> Request {
    let mut params = RawObject::default();
    params.set_text(member, value);
    Request::new(kind, params)
}

#[tokio::test]
async fn policy_sees_what_the_server_said_of_whatever_is_named() {
    let server = Hinted::new(json!([tool("thing", json!({"readOnlyHint": true}))]));
    let seeing = Arc::new(Seeing::default());
    let gateway = Parts::new(&server, |_| {}).builder().with_policy(Arc::clone(&seeing) as _).build().await.unwrap();
    let ctx = CallContext::local();
    let requests = [
        named(RequestKind::CallTool, "name", "thing"),
        named(RequestKind::GetPrompt, "name", "thing"),
        named(RequestKind::ReadResource, "uri", "x://thing"),
        named(RequestKind::ReadResource, "uri", "x://of/7"),
        Request::new(RequestKind::Complete, reference("ref/prompt", "name", "thing")),
        Request::new(RequestKind::Complete, reference("ref/resource", "uri", "x://of/{id}")),
        named(RequestKind::CallTool, "name", "s.thing"),
    ];
    for request in requests {
        gateway.dispatch(&ctx, request).await.unwrap();
    }
    let seen = std::mem::take(&mut *seeing.0.lock().unwrap());
    let hashes: Vec<_> = seen.iter().map(|(_, described)| described.as_ref().unwrap().definition.clone()).collect();
    assert!(hashes.iter().all(|hash| hash.len() == 64));
    assert_eq!(seen[0].1.as_ref().unwrap().hint("readOnlyHint"), Some(true));
    assert!(!seen[0].1.as_ref().unwrap().identity.is_empty());
    assert_eq!(hashes[0], hashes[6], "the name under which it is asked for does not matter");
    assert_eq!(hashes[3], hashes[5], "what a template gives is described by the template");
    assert_eq!(hashes[1], hashes[4]);
    for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 3)] {
        assert_ne!(hashes[one], hashes[other], "{one} {other}");
    }
    let forged = Request { described: Some(Arc::default()), ..named(RequestKind::CallTool, "name", "thing") };
    assert_eq!(gateway.dispatch(&ctx, forged).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_approval_lets_hints_loosen_until_something_changes() {
    let server = Hinted::new(json!([tool("frob", json!({"readOnlyHint": true})), tool("change", json!({}))]));
    let parts = Parts::new(&server, |spec| {
        spec.policy.preset = Some(Preset::Default);
        spec.policy.rules = vec![Rule::new("s.change", Effect::Allow)];
    });
    let gateway = parts.builder().build().await.unwrap();
    let (ctx, ann) = (CallContext::local(), Principal::new("ann"));
    let frob = async |gateway: &McpGateway| gateway.call_tool(&ctx, "frob", &json!({})).await;
    let error = frob(&gateway).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "nobody is there to confirm it");

    let shown = gateway.surface_of(&name("s")).await.unwrap();
    assert!(!shown.approved && shown.by.is_none());
    let approved = gateway.approve_server(&name("s"), &ann).await.unwrap();
    assert_eq!((approved.approved, approved.by.as_deref()), (true, Some("ann")));
    assert_eq!(approved.items.len(), 5);
    frob(&gateway).await.unwrap();

    // It is kept, and known to a gateway that has started nothing.
    let again = parts.builder().build().await.unwrap();
    frob(&again).await.unwrap();
    again.shutdown().await;

    // A definition that changes is another one, whatever its name and hints.
    gateway.call_tool(&ctx, "change", &json!({})).await.unwrap();
    until("the change is seen", async || !gateway.surface_of(&name("s")).await.unwrap().approved).await;
    until("it is not let through any more", async || frob(&gateway).await.is_err()).await;
    gateway.shutdown().await;
    let lock = parts.profile.lock().await.unwrap();
    assert!(lock.servers["s"].approved.is_some(), "recording anew leaves the operator's word as it is");

    let gateway = parts.builder().build().await.unwrap();
    gateway.approve_server(&name("s"), &ann).await.unwrap();
    frob(&gateway).await.unwrap();
    assert!(gateway.revoke_server(&name("s"), &ann).await.unwrap());
    assert!(!gateway.revoke_server(&name("s"), &ann).await.unwrap());
    assert!(frob(&gateway).await.is_err());
    let records = gateway.audit().query(&AuditQuery::all()).await.unwrap();
    let actions: Vec<_> = records.iter().filter(|record| record.event.principal == "ann").collect();
    let actions: Vec<_> = actions.iter().map(|record| record.event.action.as_str()).collect();
    assert_eq!(actions, ["server/approve", "surface/accept", "server/revoke"]);
}

/// Says yes, but only after the definition has changed.
#[derive(Debug)]
struct Slow(Mutex<Option<McpGateway>>);

#[async_trait]
impl crate::approval::Approver for Slow {
    async fn approve(&self, _ctx: &CallContext, _question: &crate::approval::Question) -> Result<Answer> {
        let gateway = self.0.lock().unwrap().clone().unwrap();
        let before = gateway.surface_of(&name("s")).await?;
        gateway.call_tool(&CallContext::local(), "change", &json!({})).await?;
        for _ in 0..2_000 {
            if gateway.surface_of(&name("s")).await? != before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Answer::new(true, "ann", "fine"))
    }
}

#[tokio::test]
async fn a_confirmation_is_of_the_definition_that_was_shown() {
    let server = Hinted::new(json!([tool("frob", json!({})), tool("change", json!({}))]));
    let parts = Parts::new(&server, |spec| {
        spec.policy.default = Some(Effect::Allow);
        spec.policy.rules = vec![Rule::new("s.frob", Effect::SoftConfirm)];
    });
    let slow = Arc::new(Slow(Mutex::default()));
    let gateway = parts.builder().with_approver(Arc::clone(&slow) as _).build().await.unwrap();
    *slow.0.lock().unwrap() = Some(gateway.clone());
    let error = gateway.call_tool(&CallContext::local(), "frob", &json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    *slow.0.lock().unwrap() = None;
    gateway.shutdown().await;
    let yes = MemoryApprover::new().with_answer("s.frob", Answer::new(true, "ann", "fine"));
    let gateway = parts.builder().with_approver(Arc::new(yes)).build().await.unwrap();
    gateway.approve_server_with(&name("s"), &Principal::local(), &Approval::new().with_item("frob")).await.unwrap();
    gateway.call_tool(&CallContext::local(), "frob", &json!({})).await.unwrap();
}

#[tokio::test]
async fn what_would_be_decided_is_told_without_a_start() {
    let server = Hinted::new(json!([tool("frob", json!({"destructiveHint": true}))]));
    let parts = Parts::new(&server, |spec| {
        spec.policy.preset = Some(Preset::Default);
        spec.policy.rules = vec![
            serde_saphyr::from_str("{id: far, match: s.*, arguments: {/to: {glob: '*.example'}}, effect: deny}")
                .unwrap(),
            serde_saphyr::from_str("{id: guests, match: s.*, role: guest, effect: deny}").unwrap(),
            serde_saphyr::from_str("{id: other, server: t, effect: deny}").unwrap(),
        ];
    });
    let gateway = parts.builder().build().await.unwrap();
    let ask = |text: &str| serde_json::from_str::<PolicyQuestion>(text).unwrap();
    // Nothing is known of the server yet, and nothing is started to know it.
    let blind = gateway.explain_policy(&ask(r#"{"name": "s.frob"}"#)).await.unwrap();
    assert_eq!((blind.decision.rule.as_str(), blind.approved), ("default", None));
    assert!(gateway.instances().await.unwrap().is_empty());

    gateway.list_tools(&CallContext::local()).await.unwrap();
    let cases = [
        (r#"{"name": "frob"}"#, Effect::HardConfirm, "default/destructive"),
        (r#"{"name": "s.frob", "arguments": {"to": "a.example"}}"#, Effect::Deny, "far"),
        (r#"{"name": "s.frob", "roles": ["guest"]}"#, Effect::Deny, "guests"),
        (r#"{"name": "s.frob", "annotations": {}}"#, Effect::SoftConfirm, "default"),
        (r#"{"name": "x://thing", "kind": "resources/read"}"#, Effect::Allow, "default/prompts-and-resources"),
        (r#"{"kind": "tools/list"}"#, Effect::Allow, "listing"),
    ];
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(question, effect, rule)| PolicyCase {
            rule: Some(rule.to_owned()),
            ..PolicyCase::new(ask(question), effect)
        })
        .collect();
    let mut wrong = cases[0].clone();
    wrong.expect = Effect::Allow;
    for outcome in gateway.test_policy(cases).await.unwrap() {
        assert!(outcome.passed, "{outcome:?}");
    }
    assert!(!gateway.test_policy(vec![wrong]).await.unwrap()[0].passed);
    let faults = gateway.check_policy().await.unwrap();
    assert_eq!(faults.iter().map(|fault| (fault.index, fault.key)).collect::<Vec<_>>(), [(2, "server")]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_where_it_cannot_know() {
    let server = Hinted::new(json!([tool("frob", json!({})), tool("get", json!({}))]));
    let parts = Parts::new(&server, |spec| spec.policy.default = Some(Effect::Allow));
    let gateway = parts.builder().build().await.unwrap();
    let ctx = CallContext::local();
    for tool in ["frob", "get", "frob"] {
        gateway.call_tool(&ctx, tool, &json!({"to": "a.example"})).await.unwrap();
    }
    let audit = Arc::clone(gateway.audit());
    let strict = Parts::new(&server, |spec| {
        spec.policy.rules = vec![
            serde_saphyr::from_str("{match: s.get, arguments: {/to: {exists: true}}, effect: deny}").unwrap(),
            serde_saphyr::from_str("{match: s.frob, effect: deny}").unwrap(),
        ];
    });
    let gateway = strict.builder().with_audit(audit).build().await.unwrap();
    let run = gateway.dry_run_policy(&AuditQuery::all()).await.unwrap();
    let changes: Vec<_> = run.changes.iter().map(|change| (change.target.as_str(), change.after.effect)).collect();
    assert_eq!(changes, [("s.frob", Effect::Deny), ("s.frob", Effect::Deny)]);
    assert_eq!(run.uncertain, 1, "of `get` it is not recorded what its arguments were");
    assert_eq!(run.records, run.same + run.changes.len());
}

#[tokio::test]
async fn rules_that_cannot_be_meant_stop_a_profile_of_the_hosts_own() {
    let server = Hinted::new(json!([]));
    let parts = Parts::new(&server, |spec| {
        spec.policy.rules = vec![Rule::new("s.*", Effect::Allow), Rule::new("s.delete", Effect::Deny)];
    });
    let error = parts.builder().build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("rule never decides"), "{error}");
}
