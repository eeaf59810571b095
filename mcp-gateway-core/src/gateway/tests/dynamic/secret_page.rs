//! People who type what a server lacks, and those who try to do more by it.

use super::super::*;
use super::bench::{Agent, Caller, InProcess, Plan, Scene};
use super::browser::Address;
use crate::audit::{AuditEvent, AuditRecord, AuditStore, MemoryAudit};
use crate::error::Error;
use crate::model::Metadata;
use crate::protocol::ClientCapabilities;
use crate::secrets::{self, EnvBroker, SecretBroker};
use tokio_util::sync::CancellationToken;

const CANARY: &str = "canary-7f3a91-value";

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}})
}

fn key(text: &str) -> SecretKey {
    SecretKey::parse(text).unwrap()
}

/// A server that can be added and lacks a secret.
fn lacking(server: &str) -> Plan {
    and_lacking(Plan::new().edit(|spec| spec.dynamic.secret_page = true), server, &Scripted::new(&["env"]))
}

fn and_lacking(plan: Plan, server: &str, behaviour: &Arc<Scripted>) -> Plan {
    plan.with_entry(server, behaviour, |entry| {
        let mut secret = SecretEntry::new(format!("{server}.key"), "KEY");
        secret.extra.insert("description".to_owned(), "Made at <b>their</b> site".into());
        let mut spare = SecretEntry::new(format!("{server}.spare"), "SPARE");
        spare.required = Some(false);
        entry.secrets = vec![secret, spare];
    })
}

impl Caller {
    /// Adds a server as a client of this machine does.
    async fn add(&self, server: &str) -> Result<Value> {
        let mut request = Request::call_tool("mcp-add", &json!({"server": server})).unwrap();
        request = request.with_link(Arc::clone(&self.link) as _);
        request.is_local = true;
        Ok(self.gateway.dispatch(&self.ctx, request).await?.result.unwrap().read().unwrap())
    }

    /// Where it is sent to, once it is.
    async fn sent_to(&self, number: usize) -> Address {
        until("somebody is sent to a page", async || self.link.asked.lock().unwrap().len() > number).await;
        let asked = self.link.asked.lock().unwrap()[number].clone();
        assert_eq!(asked["mode"], "url");
        Address::of(asked["url"].as_str().unwrap())
    }

    fn says(&self, action: &str) {
        *self.link.answer.lock().unwrap() = json!({"action": action});
    }

    fn was_asked(&self) -> bool {
        !self.link.asked.lock().unwrap().is_empty()
    }
}

async fn able_caller(scene: &Scene) -> Caller {
    let caller = scene.caller_that(&able()).await;
    caller.says("accept");
    caller
}

/// A client of a gateway with other parts than those of the bench.
async fn caller_of(plan: Plan, parts: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Caller {
    let profile = Arc::new(InProcess(MemoryProfile::new(plan.bench.spec.clone())));
    let gateway = plan.bench.build_with(|builder| parts(builder.with_profile(profile as _))).await.gateway;
    let link = Arc::new(Agent::default());
    let options =
        SessionOptions::new().with_link(Arc::clone(&link) as _).with_capabilities(ClientCapabilities::of(&able()));
    let session = gateway.open_session(options).await.unwrap();
    let ctx = CallContext::local().with_session(session.clone());
    let caller = Caller { gateway, ctx, session, link };
    caller.says("accept");
    caller
}

fn is_todays_answer(answer: &Value) -> bool {
    let hints = answer["structuredContent"]["error"]["hints"].to_string();
    answer["structuredContent"]["error"]["kind"] == "missing_secret"
        && hints.contains("profile secret set time --key KEY")
}

async fn kept(scene: &Scene, text: &str) -> Option<SecretValue> {
    scene.secrets.get(&key(text)).await.unwrap()
}

#[tokio::test]
async fn what_a_person_types_starts_the_server_and_is_seen_by_nobody_else() {
    let time = Scripted::new(&["env"]);
    let plan = Plan::new().edit(|spec| spec.dynamic.secret_page = true);
    let scene = and_lacking(plan, "time", &time).build().await;
    let caller = able_caller(&scene).await;
    let (answer, (form, done)) = tokio::join!(caller.add("time"), async {
        let page = caller.sent_to(0).await;
        let form = page.get().await;
        (form, page.post(&format!("secret-0={CANARY}")).await)
    });
    let answer = answer.unwrap();
    assert_eq!(answer["structuredContent"]["status"], "added", "{answer}");
    assert_eq!(time.seen.lock().unwrap()["KEY"], CANARY);
    assert_eq!(kept(&scene, "p/time/KEY").await, Some(SecretValue::new(CANARY)), "as the operator's command keeps it");

    assert_eq!((form.status, done.status), (200, 200));
    for shown in
        ["<code>time</code>", "<code>time.key</code>", "Made at &lt;b&gt;their", "kept as <code>p/time/KEY</code>"]
    {
        assert!(form.body.contains(shown), "{shown}: {}", form.body);
    }
    assert!(!form.body.contains("time.spare"), "what it can do without is not asked for");
    assert!(done.body.contains("close this window"), "{}", done.body);
    for shown in [&form, &done] {
        for header in [
            "content-security-policy: default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "cache-control: no-store",
            "referrer-policy: same-origin",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "content-type: text/html; charset=utf-8",
        ] {
            assert!(shown.head.contains(header), "{header}: {}", shown.head);
        }
    }

    let asked = caller.link.asked.lock().unwrap()[0].clone();
    assert!(asked["message"].as_str().unwrap().contains("`time` cannot start without time.key"), "{asked}");
    assert_eq!(asked["_meta"]["mcp-gateway/server"], "gateway");
    let told = caller.link.told.lock().unwrap().clone();
    let complete = told.iter().find(|(method, _)| method == "notifications/elicitation/complete").unwrap();
    assert_eq!(complete.1, json!({"elicitationId": asked["elicitationId"]}));
    let token = asked["url"].as_str().unwrap().rsplit_once('/').unwrap().1;
    assert!(token.len() == 64 && !asked["elicitationId"].to_string().contains(token));

    let set = &scene.records("secret/set").await[0].event;
    assert_eq!((set.server.as_ref(), set.name.as_deref()), (Some(&name("time")), Some("time.key")));
    assert_eq!(
        (set.session.as_ref(), set.detail.as_ref().unwrap()["by"].as_str()),
        (Some(&caller.session), Some("page"))
    );
    assert_eq!(scene.records("elicitation/create").await.len(), 1);
    let records = format!("{:?}", scene.gateway.audit().query(&AuditQuery::all()).await.unwrap());
    for (what, text) in [
        ("records", &records),
        ("answer", &answer.to_string()),
        ("form", &form.body),
        ("page", &done.body),
        ("told", &format!("{told:?}")),
    ] {
        assert!(!text.contains(CANARY) && !text.contains(token), "{what}: {text}");
    }
    assert!(!format!("{:?}", scene.gateway).contains(token), "of the token, a digest is kept");

    let page = caller.sent_to(0).await;
    until("nothing listens any longer", async || page.is_closed().await).await;
    caller.call("env", json!({})).await;
}

#[tokio::test]
async fn only_the_page_itself_can_send_only_what_was_asked_for() {
    let scene = and_lacking(lacking("time"), "other", &Scripted::new(&["env"])).build().await;
    let (caller, other) = (able_caller(&scene).await, able_caller(&scene).await);
    let attacks = async {
        let page = caller.sent_to(0).await;
        let form = format!("secret-0={CANARY}");
        let with = |name: &'static str, value: Option<&'static str>| {
            let mut headers = page.headers();
            headers.retain(|(other, _)| *other != name);
            headers.extend(value.map(|value| (name, value)));
            headers
        };
        for (what, headers, status) in [
            ("another name for this machine", with("Host", Some("evil.example")), 403),
            ("no port", with("Host", Some("127.0.0.1")), 403),
            ("another page", with("Origin", Some("https://evil.example")), 403),
            ("a page in a sandbox", with("Origin", Some("null")), 403),
            ("no page at all", with("Origin", None), 403),
            ("a type that needs no question", with("Content-Type", Some("text/plain")), 415),
            ("no type", with("Content-Type", None), 415),
        ] {
            assert_eq!(page.send("POST", &headers, &form).await.status, status, "{what}");
        }
        let rebound = page.send("GET", &[("Host", "evil.example")], "").await;
        assert_eq!((rebound.status, rebound.body.contains("time")), (403, false));
        let cross = [page.headers(), vec![("Sec-Fetch-Site", "cross-site")]].concat();
        assert_eq!(page.send("POST", &cross, &form).await.status, 403);
        assert_eq!(page.send("PUT", &page.headers(), &form).await.status, 405);
        assert_eq!(page.post(&format!("secret-0={}", "x".repeat(70_000))).await.status, 413);
        for (what, form) in [
            ("nothing", String::new()),
            ("an empty value", "secret-0=".to_owned()),
            ("blanks", "secret-0=+++".to_owned()),
            ("a zero", "secret-0=a%00b".to_owned()),
            ("one that it does without", format!("secret-0=x&secret-1={CANARY}")),
            ("a key", format!("p%2Fother%2FKEY={CANARY}")),
            ("one twice", "secret-0=x&secret-0=y".to_owned()),
            ("junk", "secret-0=%zz".to_owned()),
        ] {
            assert_eq!(page.post(&form).await.status, 400, "{what}");
        }
        for path in ["/secrets/", "/secrets", "/", &"/secrets/".repeat(3), &format!("/secrets/{}", "0".repeat(64))] {
            let guessed = page.at(path);
            assert_eq!((guessed.get().await.status, guessed.post(&form).await.status), (404, 404), "{path}");
        }
        let strict = page.at("/").get().await;
        assert!(strict.head.contains("default-src 'none'"), "{}", strict.head);
        assert_eq!(scene.secrets.list().await.unwrap(), []);
        assert_eq!(scene.records("secret/set").await.len(), 0);
        // None of it has used the page up; another one keeps the port open meanwhile.
        let second = other.sent_to(0).await;
        let (one, two) = tokio::join!(page.post(&form), page.post(&form));
        assert_eq!([one.status.min(two.status), one.status.max(two.status)], [200, 404], "once, also at once");
        assert_eq!(second.host, page.host, "one port for all");
        until("it is gone", async || page.get().await.status == 404).await;
        assert_eq!(page.post("secret-0=another").await.status, 404, "once");
        assert_eq!(second.post("secret-0=second").await.status, 200);
        until("nothing listens any longer", async || page.is_closed().await).await;
    };
    let (one, two, ()) = tokio::join!(caller.add("time"), other.add("other"), attacks);
    assert_eq!(one.unwrap()["structuredContent"]["status"], "added");
    assert_eq!(two.unwrap()["structuredContent"]["status"], "added");
    assert_eq!(kept(&scene, "p/time/KEY").await, Some(SecretValue::new(CANARY)));
    assert_eq!(kept(&scene, "p/other/KEY").await, Some(SecretValue::new("second")));
    assert_eq!(scene.secrets.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_there_is_never_replaced() {
    let scene = lacking("time").build().await;
    let (one, two) = (able_caller(&scene).await, able_caller(&scene).await);
    let people = async {
        let (first, second) = (one.sent_to(0).await, two.sent_to(0).await);
        assert_ne!(first.path, second.path);
        assert_eq!(first.post("secret-0=first").await.status, 200);
        assert_eq!(second.post("secret-0=second").await.status, 200);
    };
    let (added, also, ()) = tokio::join!(one.add("time"), two.add("time"), people);
    assert_eq!(added.unwrap()["structuredContent"]["status"], "added");
    assert_eq!(also.unwrap()["structuredContent"]["status"], "added");
    assert_eq!(kept(&scene, "p/time/KEY").await, Some(SecretValue::new("first")));
    assert_eq!(scene.records("secret/set").await.len(), 1);

    // One that is there for everyone, and one that has expired, are there.
    for (text, until) in [("KEY", None), ("time.key", Some(1))] {
        let scene = lacking("time").build().await;
        let caller = able_caller(&scene).await;
        secrets::keep(scene.secrets.as_ref(), &key(text), SecretValue::new("old"), until).await.unwrap();
        let answer = caller.add("time").await.unwrap();
        assert_eq!(answer["isError"] == true, until.is_some(), "{answer}");
        assert!(!caller.was_asked());
        assert_eq!(kept(&scene, text).await, Some(SecretValue::new("old")));
    }
}

#[tokio::test]
async fn whoever_will_not_gets_the_operators_command_and_may_think_again() {
    for action in ["decline", "cancel", "something else"] {
        let scene = lacking("time").build().await;
        let caller = able_caller(&scene).await;
        caller.says(action);
        let answer = caller.add("time").await.unwrap();
        assert!(is_todays_answer(&answer), "{answer}");
        let page = caller.sent_to(0).await;
        until("nothing listens any longer", async || page.is_closed().await).await;
        // It stays added; whoever adds it again is asked again.
        caller.says("accept");
        let (again, typed) =
            tokio::join!(caller.add("time"), async { caller.sent_to(1).await.post("secret-0=typed").await });
        assert_eq!(
            (again.unwrap()["structuredContent"]["status"].as_str(), typed.status),
            (Some("already_added"), 200)
        );
        assert_eq!(kept(&scene, "p/time/KEY").await, Some(SecretValue::new("typed")));
    }
}

#[tokio::test]
async fn nobody_is_sent_to_a_page_who_cannot_be() {
    let scene = lacking("time").build().await;
    for can in [json!({}), json!({"elicitation": {}}), json!({"elicitation": {"form": {}}})] {
        let caller = scene.caller_that(&can).await;
        assert!(is_todays_answer(&caller.add("time").await.unwrap()), "{can}");
        assert!(!caller.was_asked(), "{can}");
    }
    let elsewhere = able_caller(&scene).await;
    assert!(
        is_todays_answer(&elsewhere.fail("mcp-add", json!({"server": "time"})).await),
        "it may be on another machine"
    );
    assert!(!elsewhere.was_asked());

    let silent = and_lacking(Plan::new(), "time", &Scripted::new(&["env"])).build().await;
    let caller = able_caller(&silent).await;
    assert!(is_todays_answer(&caller.add("time").await.unwrap()), "the profile has not said so");
    assert!(!caller.was_asked());

    let mut denying = lacking("time");
    let mut rule = PolicyRuleSpec::any(Effect::Deny);
    rule.kind = serde_json::from_value(json!("server/add")).unwrap();
    denying.bench.spec.policy.rules = vec![rule];
    let denying = denying.build().await;
    let caller = able_caller(&denying).await;
    assert_eq!(caller.add("time").await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(!caller.was_asked());
}

#[tokio::test]
async fn a_store_that_cannot_be_written_to_is_no_place_for_what_is_typed() {
    let store = Arc::new(EnvBroker::new().with_allowed("NO_SUCH_VARIABLE"));
    let caller = caller_of(lacking("time"), |builder| builder.with_secrets(store)).await;
    assert!(is_todays_answer(&caller.add("time").await.unwrap()));
    assert!(!caller.was_asked());
}

#[tokio::test]
async fn an_address_is_good_for_its_time_only() {
    let mut plan = lacking("time");
    plan.bench.options.question_timeout = Duration::from_millis(1);
    let scene = plan.build().await;
    let caller = able_caller(&scene).await;
    assert!(is_todays_answer(&caller.add("time").await.unwrap()));
    let asked = caller.link.asked.lock().unwrap().clone();
    for asked in asked {
        let page = Address::of(asked["url"].as_str().unwrap());
        until("nothing listens any longer", async || page.is_closed().await).await;
    }
    assert_eq!(scene.secrets.list().await.unwrap(), []);
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_page_along() {
    let scene = lacking("time").build().await;
    let mut caller = able_caller(&scene).await;
    let given_up = CancellationToken::new();
    caller.ctx = caller.ctx.with_cancellation(given_up.clone());
    let (answer, page) = tokio::join!(caller.add("time"), async {
        let page = caller.sent_to(0).await;
        assert_eq!(page.get().await.status, 200);
        given_up.cancel();
        page
    });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Cancelled);
    until("nothing listens any longer", async || page.is_closed().await).await;
    assert_eq!(page.try_send("POST", &page.headers(), "secret-0=late").await.map(|shown| shown.status), None);
    caller.ctx = CallContext::local().with_session(caller.session.clone());
    assert_eq!(caller.call("mcp-list", json!({})).await["servers"], json!([]), "nothing of it stays");
}

#[tokio::test]
async fn a_gateway_that_ends_closes_its_pages() {
    let scene = lacking("time").build().await;
    let caller = able_caller(&scene).await;
    let (answer, page) = tokio::join!(caller.add("time"), async {
        let page = caller.sent_to(0).await;
        scene.gateway.shutdown().await;
        page
    });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Closed);
    until("nothing listens any longer", async || page.is_closed().await).await;
}

#[tokio::test]
async fn one_session_has_only_so_many_pages_open() {
    let mut plan = Plan::new().edit(|spec| spec.dynamic.secret_page = true);
    for number in 0..5 {
        plan = and_lacking(plan, &format!("s{number}"), &Scripted::new(&["env"]));
    }
    let scene = plan.build().await;
    let caller = able_caller(&scene).await;
    let adding = futures_util::future::join_all((0..5).map(|number| {
        let caller = &caller;
        async move { caller.add(&format!("s{number}")).await.unwrap() }
    }));
    let (answers, asked) = tokio::join!(adding, async {
        for number in 0..4 {
            assert_eq!(caller.sent_to(number).await.post("secret-0=typed").await.status, 200);
        }
        caller.link.asked.lock().unwrap().len()
    });
    let refused = answers.iter().filter(|answer| answer["isError"] == true).count();
    assert_eq!((asked, refused), (4, 1), "{answers:?}");
}

#[tokio::test]
async fn what_a_catalog_says_is_text_on_the_page() {
    let plan = Plan::new().edit(|spec| spec.dynamic.secret_page = true);
    let evil = "</dd><script>alert(1)</script><img src=x onerror='1'>\u{202e}";
    let plan = plan.with_entry("time", &Scripted::new(&["env"]), |entry| {
        entry.title = Some(evil.to_owned());
        entry.metadata = Some(Metadata { owner: Some(evil.to_owned()), ..Metadata::default() });
        let mut secret = SecretEntry::new(evil, "KEY");
        secret.extra.insert("description".to_owned(), evil.repeat(100).into());
        entry.secrets = vec![secret];
    });
    let scene = plan.build().await;
    let caller = able_caller(&scene).await;
    let (answer, form) = tokio::join!(caller.add("time"), async {
        let page = caller.sent_to(0).await;
        let form = page.get().await;
        page.post("secret-0=typed").await;
        form
    });
    assert_eq!(answer.unwrap()["structuredContent"]["status"], "added");
    for markup in ["<script", "<img", "</dd><", "\u{202e}"] {
        assert!(!form.body.contains(markup), "{markup}: {}", form.body);
    }
    let message = caller.link.asked.lock().unwrap()[0]["message"].to_string();
    assert!(!message.contains('\u{202e}') && message.len() < 600, "{message}");
    assert!(form.body.contains("&lt;script&gt;") && form.body.len() < 5_000, "{}", form.body);
}

#[tokio::test]
async fn a_key_that_the_profile_names_is_the_one_that_is_set() {
    let plan = lacking("other").edit(|spec| {
        let renamed = [("KEY".to_owned(), "shared.key".to_owned()), ("SPARE".to_owned(), "p//spare".to_owned())];
        let own = ServerSpec { secrets: renamed.into_iter().collect(), ..ServerSpec::default() };
        spec.servers.insert(name("other"), own);
        spec.servers.values_mut().for_each(|server| server.runtime = Some("memory".to_owned()));
    });
    let scene = plan.build().await;
    let caller = able_caller(&scene).await;
    let (answer, typed) = tokio::join!(caller.add("other"), async {
        let page = caller.sent_to(0).await;
        let form = page.get().await.body;
        assert!(
            form.contains("kept as <code>shared.key</code>") && form.contains("kept as <code>p//spare</code>"),
            "{form}"
        );
        page.post("secret-1=two&secret-0=one").await
    });
    assert_eq!((answer.unwrap()["structuredContent"]["status"].as_str(), typed.status), (Some("already_added"), 200));
    let keys: Vec<_> = scene.secrets.list().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["shared.key", "p//spare"]);
    assert_eq!(kept(&scene, "shared.key").await, Some(SecretValue::new("one")));
}

/// A trail that takes everything but that a secret was set.
#[derive(Debug, Default)]
struct Forgetful(MemoryAudit);

#[async_trait]
impl AuditStore for Forgetful {
    async fn append(&self, event: AuditEvent) -> Result<u64> {
        if event.action == "secret/set" {
            return Err(Error::new(ErrorKind::Io, "the disk is full"));
        }
        self.0.append(event).await
    }

    async fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>> {
        self.0.query(query).await
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_kept() {
    let secrets = Arc::new(MemoryBroker::new());
    let broker = Arc::clone(&secrets);
    let caller =
        caller_of(lacking("time"), |builder| builder.with_secrets(broker).with_audit(Arc::new(Forgetful::default())))
            .await;
    let (answer, typed) =
        tokio::join!(caller.add("time"), async { caller.sent_to(0).await.post(&format!("secret-0={CANARY}")).await });
    assert!(is_todays_answer(&answer.unwrap()));
    assert_eq!((typed.status, typed.body.contains(CANARY)), (500, false));
    assert_eq!(secrets.list().await.unwrap(), []);
    assert!(!caller.link.was_told("notifications/elicitation/complete"));
}
