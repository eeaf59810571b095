//! What is kept of a run: surfaces in the lock file, requests in the audit trail.

use std::sync::Arc;

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::audit::{AuditQuery, AuditStore, Outcome, SqliteAudit, verify_chain};
use mcp_gateway_core::gateway::ServerState;
use mcp_gateway_core::model::{CallContext, Effect, Principal, ServerName};
use mcp_gateway_core::profile::{FileProfile, PolicyRuleSpec, Profile as _, ProfileSpec};
use serde_json::json;

use crate::support::{Bench, folder, until};

#[tokio::test]
async fn a_second_gateway_lists_from_the_lock_file_without_starting_anything() {
    let kept = folder();
    let path = kept.path().join("p.yaml");
    let bench = |spec: &ProfileSpec| {
        let mut bench = Bench::new().with("first", &[]).with("second", &["--prefix", "second"]);
        bench.spec = spec.clone();
        bench
    };
    let spec = Bench::new().with("first", &[]).with("second", &[]).spec;
    let profile = Arc::new(write_profile(&path, &spec).await);

    let mut first = bench(&spec);
    first.profile = Some(Arc::clone(&profile) as _);
    let first = first.build().await;
    let ctx = CallContext::local();
    let tools = first.tools(&ctx).await;
    first.end().await;
    assert!(profile.lock_path().exists());

    let mut second = bench(&spec);
    second.profile = Some(Arc::new(FileProfile::open(&path).await.unwrap()));
    let second = second.build().await;
    assert_eq!(second.tools(&ctx).await, tools);
    for server in ["first", "second"] {
        let status = second.status(server).await;
        assert_eq!((status.state, status.running), (ServerState::Recorded, 0));
        assert!(status.tools.unwrap() > 0);
    }
    assert_eq!(second.instances().await, []);
    second.echoes(&ctx, "first").await;
    assert_eq!(second.status("second").await.running, 0, "only the one that is called is started");
    second.end().await;

    // Another entry under the same name makes the record void.
    let mut third = Bench::new().with("first", &["--prefix", "changed"]).with("second", &["--prefix", "second"]);
    third.profile = Some(Arc::new(FileProfile::open(&path).await.unwrap()));
    let third = third.build().await;
    assert_eq!(third.status("first").await.state, ServerState::Unknown);
    // What was accepted is not: what it offers under other names waits for an operator.
    let has_changed = async || third.tools(&ctx).await.contains(&"changed_echo".to_owned());
    assert!(!has_changed().await && third.status("first").await.held > 0);
    third.gateway.approve_server(&ServerName::new("first").unwrap(), &Principal::local()).await.unwrap();
    assert!(has_changed().await);
    third.end().await;
}

async fn write_profile(path: &std::path::Path, spec: &ProfileSpec) -> FileProfile {
    let store = mcp_gateway_core::profile::ProfileStore::new(path.parent().unwrap());
    let profile = store.create(spec.clone()).await.unwrap();
    assert_eq!(profile.path(), path);
    assert_eq!(profile.spec().await.unwrap(), *spec);
    profile
}

#[tokio::test]
async fn what_policy_refuses_never_reaches_the_server_and_is_recorded() {
    let kept = folder();
    let path = kept.path().join("audit.sqlite");
    let mut bench = Bench::new().with("s", &[]);
    bench.spec.policy.rules =
        vec![PolicyRuleSpec::new("s.write_*", Effect::Deny), PolicyRuleSpec::new("s.fail", Effect::HardConfirm)];
    bench.audit = Some(Arc::new(SqliteAudit::open(path.clone()).unwrap()));
    let running = bench.build().await;
    let (ctx, session, _) = running.session().await;
    running.tools(&ctx).await;
    running.echoes(&ctx, "s").await;
    let written = kept.path().join("written").display().to_string();
    let denied = running.error(&ctx, "write_file", json!({"path": written, "token": "hunter2-hunter2"})).await;
    assert_eq!(denied.kind(), ErrorKind::Denied, "{}", denied.report());
    let unconfirmed = running.error(&ctx, "s.fail", json!({})).await;
    assert_eq!(unconfirmed.kind(), ErrorKind::Denied, "nobody can be asked: {}", unconfirmed.report());
    running.error(&ctx, "crash", json!({})).await;
    assert_eq!(running.call(&ctx, "s.count", json!({})).await.unwrap(), "1", "the calls that were refused never came");
    running.end().await;

    let trail = SqliteAudit::open_read_only(path.clone()).unwrap();
    let records = trail.query(&AuditQuery::all()).await.unwrap();
    assert!(verify_chain(&records).is_intact());
    let calls = || records.iter().map(|record| &record.event).filter(|event| event.action == "tools/call");
    let of = |name: &str| calls().find(|event| event.name.as_deref() == Some(name)).unwrap().clone();
    let write = of("write_file");
    assert_eq!((write.outcome, write.principal.as_str()), (Outcome::Denied, "local"));
    assert_eq!(write.decision.as_ref().unwrap().rule, "s.write_*");
    assert_eq!(write.session, Some(session));
    assert!(write.instance.is_none() && write.arguments.is_none());
    assert!(write.shape.unwrap().get("path").is_some(), "the shape of the arguments is kept");
    assert_eq!(of("fail").outcome, Outcome::Denied);
    assert_eq!(of("crash").outcome, Outcome::Failed);
    let echo = of("echo");
    assert_eq!(echo.outcome, Outcome::Ok);
    assert!(echo.instance.is_some() && echo.duration_micros > 0);
    let actions = |action: &str| records.iter().filter(|record| record.event.action == action).count();
    assert_eq!((actions("server/start"), actions("server/stop")), (2, 2), "each start and each stop is recorded");
    let bytes = std::fs::read(&path).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "values are not recorded");
}

#[tokio::test]
async fn followers_of_the_trail_see_a_call_that_is_made_now() {
    let kept = folder();
    let store: Arc<dyn AuditStore> = Arc::new(SqliteAudit::open(kept.path().join("audit.sqlite")).unwrap());
    let mut bench = Bench::new().with("s", &[]);
    bench.audit = Some(Arc::clone(&store));
    let running = bench.build().await;
    let ctx = CallContext::local();
    running.tools(&ctx).await;
    running.echoes(&ctx, "s").await;
    let reader = SqliteAudit::open_read_only(kept.path().join("audit.sqlite")).unwrap();
    until("another process reads it", async || {
        let records = reader.query(&AuditQuery::newest(10)).await.unwrap();
        records.iter().any(|record| record.event.name.as_deref() == Some("echo"))
    })
    .await;
    running.end().await;
}
