//! Servers that a scope shuts out are not there for an agent, on no way.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Bench, Built, Scripted, name};
use crate::audit::AuditQuery;
use crate::catalog::{Scope, ScopeSpec, SearchQuery};
use crate::error::{Error, ErrorKind};
use crate::gateway::{Gateway as _, GatewayExt as _, ServerState};
use crate::model::{CallContext, ServerEntry};
use crate::profile::ServerSpec;
use crate::protocol::{ListKind, RawJson, Request};

fn spec(json: &str) -> ScopeSpec {
    serde_json::from_str(json).unwrap()
}

/// A profile with a server that is let in and one that is not; the catalog has one more of each.
async fn bench(home: &str, own: &str) -> (Built, Arc<Scripted>) {
    let (open, hidden) = (Scripted::new(&["look"]), Scripted::new(&["look_too"]));
    let mut bench = Bench::new().with("open", &open).with("hidden", &hidden);
    bench.spec.scope = spec(own);
    for extra in ["open-later", "hidden-later"] {
        bench.catalog = bench.catalog.with_entry(ServerEntry::image(name(extra), "none"));
        bench.runtime = bench.runtime.with_server(extra, Scripted::new(&["late"]) as _);
    }
    let scope = Scope::new().with("home", &spec(home)).unwrap();
    (bench.build_with(|builder| builder.with_scope(scope)).await, hidden)
}

/// What a client would be told.
fn told(error: &Error) -> String {
    format!("{} {:?}", error.report(), error.hints().collect::<Vec<_>>())
}

#[tokio::test]
async fn no_way_leads_to_a_server_that_is_shut_out() {
    for (home, own) in [
        (r#"{"allow": [{"server": "open*"}]}"#, "{}"),
        (r#"{"deny": [{"server": "hidden*"}]}"#, r#"{"allow": [{"server": "*"}]}"#),
        ("{}", r#"{"deny": [{"server": "hidden*"}]}"#),
    ] {
        let (built, hidden) = bench(home, own).await;
        let (session, ..) = built.session().await;
        for ctx in [CallContext::local(), session] {
            let tools = built.tools(&ctx).await;
            assert!(tools.iter().any(|tool| tool.contains("look")), "{tools:?}");
            assert!(!tools.iter().any(|tool| tool.contains("look_too")), "{tools:?}");
            let list = built.gateway.dispatch(&ctx, Request::list(ListKind::Tools)).await.unwrap();
            assert!(!list.result.as_ref().unwrap().get().contains("hidden"), "{list:?}");

            let unknown = built.call(&ctx, "nobody.look_too").await.unwrap_err();
            for tool in ["hidden.look_too", "look_too", "hidden-later.late"] {
                let error = built.call(&ctx, tool).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound, "{tool}");
                assert_eq!(told(&error).replace(tool, "T"), told(&unknown).replace("nobody.look_too", "T"));
            }
            for (method, params) in [
                ("prompts/get", r#"{"name": "hidden.look_too"}"#),
                ("resources/read", r#"{"uri": "hidden://x"}"#),
                (
                    "completion/complete",
                    r#"{"ref": {"type": "ref/prompt", "name": "hidden.look_too"}, "argument": {}}"#,
                ),
            ] {
                let params = RawJson::parse(params).unwrap();
                let request = Request::from_message(method, Some(&params)).unwrap();
                let error = built.gateway.dispatch(&ctx, request).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound, "{method}");
                assert!(!told(&error).contains("scope"), "{error:?}");
            }
        }
        let found = built.gateway.find(&SearchQuery::new("hidden open later")).await.unwrap();
        assert!(found.matches.iter().all(|found| found.entry.name.as_str().starts_with("open")), "{found:?}");
        assert_eq!(hidden.connections.load(std::sync::atomic::Ordering::SeqCst), 0, "it was never started");
    }
}

#[tokio::test]
async fn adding_says_what_it_says_of_any_unknown_name_and_the_record_says_why() {
    let (built, _) = bench(r#"{"deny": [{"server": "hidden*", "reason": "not ours"}]}"#, "{}").await;
    let memory = || ServerSpec { runtime: Some("memory".to_owned()), ..ServerSpec::default() };
    built.gateway.add_server(&name("open-later"), memory()).await.unwrap();
    let refused = built.gateway.add_server(&name("hidden-later"), memory()).await.unwrap_err();
    let unknown = built.gateway.add_server(&name("nobody-knows"), memory()).await.unwrap_err();
    assert_eq!(told(&refused).replace("hidden-later", "N"), told(&unknown).replace("nobody-knows", "N"));
    let mut query = AuditQuery::newest(10);
    query.action = Some("server/add".to_owned());
    let records = built.gateway.audit().query(&query).await.unwrap();
    let record = records.iter().find(|record| record.event.server == Some(name("hidden-later"))).unwrap();
    assert!(record.event.error.as_ref().unwrap().contains("not ours"), "{record:?}");
}

#[tokio::test]
async fn the_operator_sees_why_a_server_is_refused() {
    let (built, _) = bench(r#"{"deny": [{"server": "hidden*", "reason": "not ours"}]}"#, "{}").await;
    let servers = built.gateway.servers().await;
    let hidden = servers.iter().find(|status| status.name == name("hidden")).unwrap();
    assert_eq!(hidden.state, ServerState::Refused);
    assert!(hidden.reason.as_ref().unwrap().contains("not ours"), "{hidden:?}");
    let error = built.gateway.inspect(&name("hidden")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn the_gateways_own_tools_know_of_no_server_that_is_shut_out() {
    let mut bench = Bench::new().with("open", &Scripted::new(&["look"])).with("hidden", &Scripted::new(&["look_too"]));
    bench.spec.dynamic = serde_json::from_str(r#"{"enabled": true}"#).unwrap();
    bench.catalog = bench.catalog.with_entry(ServerEntry::image(name("hidden-later"), "none"));
    let scope = Scope::new().with("home", &spec(r#"{"deny": [{"server": "hidden*"}]}"#)).unwrap();
    let built = bench.build_with(|builder| builder.with_scope(scope)).await;
    let (ctx, ..) = built.session().await;
    let answer = async |tool: &str, arguments: Value| match built.gateway.call_tool(&ctx, tool, &arguments).await {
        Ok(answer) => answer.get().to_owned(),
        Err(error) => told(&error),
    };
    let list = answer("mcp-list", json!({})).await;
    assert!(list.contains("open") && !list.contains("hidden"), "{list}");
    let found = answer("mcp-find", json!({"query": "look too"})).await;
    assert!(!found.contains("hidden"), "{found}");
    for (tool, arguments) in [
        ("mcp-add", json!({"server": "NAME"})),
        ("mcp-add", json!({"server": "NAME", "profile": "p"})),
        ("mcp-remove", json!({"server": "NAME"})),
        ("mcp-config-set", json!({"server": "NAME", "config": {}})),
        ("mcp-exec", json!({"tool": "NAME.look_too", "arguments": {}})),
    ] {
        let with = |name: &str| serde_json::from_str(&arguments.to_string().replace("NAME", name)).unwrap();
        let unknown = answer(tool, with("nobody")).await.replace("nobody", "NAME");
        for server in ["hidden", "hidden-later"] {
            assert_eq!(answer(tool, with(server)).await.replace(server, "NAME"), unknown, "{tool}");
        }
    }
}

#[tokio::test]
async fn a_scope_that_cannot_be_meant_lets_no_gateway_begin() {
    let mut bench = Bench::new();
    bench.spec.scope = spec(r#"{"allow": [{"reason": "everything"}]}"#);
    let profile = Arc::new(crate::profile::MemoryProfile::new(bench.spec));
    let error = crate::gateway::GatewayBuilder::new().with_profile(profile).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}
