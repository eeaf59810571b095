//! The main job, step by step: an agent's tool call goes through a governed gateway into an isolated MCP server.
//!
//! `cargo run --example quickstart` runs the server in a container where an engine answers and has the image that
//! `make images` builds, and as a sandboxed process otherwise; `-- process` or `-- docker` asks for one of the two. It
//! ends with an error unless everything that it says is so.

mod place;
mod runtimes;
mod server;
mod show;

use std::error::Error;
use std::sync::Arc;

use mcp_gateway_core::audit::{AuditQuery, AuditRecord, MemoryAudit, verify_chain};
use mcp_gateway_core::catalog::{Catalog, FileCatalog, LoadOptions, SearchIndex, SearchQuery};
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayExt, McpGateway};
use mcp_gateway_core::model::{CallContext, Effect, NetworkRule, ProfileName, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicyRuleSpec, Profile, ProfileSpec, ServerSpec};
use mcp_gateway_core::runtime::GatewayInstance;
use mcp_gateway_core::{ErrorKind, VERSION};
use serde_json::{Value, json};

use place::Place;

type Done<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        // One program for both: the gateway starts this one again with these arguments, to be the server.
        (Some("serve"), Some(folder)) => server::serve(folder.into()).await,
        (only, _) => quickstart(only).await,
    }
}

async fn quickstart(only: Option<&str>) -> Done {
    let place = Place::new()?;
    let server = ServerName::new("notes")?;
    let ctx = CallContext::local();

    show::step("find", "search the catalog for `notes`");
    let program = std::env::current_exe()?.display().to_string();
    let text = include_str!("catalog.yaml").replace("PROGRAM", &program);
    let catalog = Arc::new(FileCatalog::parse("catalog.yaml", &text, LoadOptions::new())?.catalog);
    let mut index = SearchIndex::new();
    for entry in catalog.list().await? {
        index.put(entry, None);
    }
    for found in index.search(&SearchQuery::new("notes").with_limit(3)).matches {
        show::line(&format!("{}: {}", found.entry.name, found.entry.description.as_deref().unwrap_or_default()));
    }

    show::step("add", "put it into a profile, with its configuration and a policy");
    let profile = Arc::new(MemoryProfile::new(ProfileSpec::new(ProfileName::new("quickstart")?)));
    let folder = place.notes.display().to_string();
    let add = |spec: &mut ProfileSpec| {
        let mut notes = ServerSpec::default();
        notes.config.insert("folder".to_owned(), folder.clone().into());
        spec.servers.insert(server.clone(), notes);
        let mut rule = PolicyRuleSpec::new("notes.delete_*", Effect::Deny);
        rule.reason = "deleting is done by people".to_owned();
        // The rules that come with the gateway would ask about this one, by its name.
        spec.policy.rules.extend([rule, PolicyRuleSpec::new("notes.phone_home", Effect::Allow)]);
        Ok(())
    };
    let spec = profile.update(Box::new(add)).await?;
    show::line(&format!("servers: notes, with folder = {folder}"));
    for rule in spec.policy.rules.iter().filter(|rule| rule.effect == Effect::Deny) {
        show::line(&format!(
            "policy:  {} `{}`: {}; reading is allowed, the rest needs a confirmation",
            rule.effect.as_str(),
            rule.pattern,
            rule.reason
        ));
    }

    let gateway = open(&place, catalog, profile, only).await?;
    inspect(&gateway, &server).await?;

    show::step("list", "the agent asks for its tools");
    let tools = gateway.list_tools(&ctx).await?;
    show::line(&tools.iter().map(|tool| tool.key.as_str()).collect::<Vec<_>>().join(", "));

    show::step("call", "read_note {name: groceries.txt}");
    let note = call(&gateway, "read_note", json!({"name": "groceries.txt"})).await?;
    show::line(&format!("answer: {}", note?));

    show::step("decide", "delete_note {name: groceries.txt}");
    let refused = gateway.call_tool(&ctx, "delete_note", &json!({"name": "groceries.txt"})).await;
    match refused {
        Err(error) if error.kind() == ErrorKind::Denied && place.has_note() => show::line(&format!("refused: {error}")),
        _ => return Err("the policy did not hold".into()),
    }

    isolation(&gateway, &server, &place).await?;
    audit(&gateway).await?;

    show::step("shutdown", "stop what was started");
    gateway.shutdown().await;
    let left = gateway.instances().await?.len();
    show::line(&format!("servers that still run: {left}"));
    if left == 0 { Ok(()) } else { Err("a server was left behind".into()) }
}

/// A gateway whose server starts: on the best runtime that this machine has.
async fn open(
    place: &Place,
    catalog: Arc<dyn Catalog>,
    profile: Arc<dyn Profile>,
    only: Option<&str>,
) -> Done<McpGateway> {
    show::step("open", &format!("MCP Gateway {VERSION}, in this process"));
    let instance = Arc::new(GatewayInstance::register(&place.state)?);
    let choice = runtimes::choose(&place.state, &instance, only).await?;
    choice.notes.iter().for_each(|note| show::line(note));
    for runtime in choice.runtimes {
        let gateway = GatewayBuilder::new()
            .with_catalog(Arc::clone(&catalog))
            .with_profile(Arc::clone(&profile))
            .with_audit(Arc::new(MemoryAudit::new()))
            .with_instance(Arc::clone(&instance))
            .with_runtime(Arc::clone(&runtime))
            .build()
            .await?;
        match gateway.list_tools(&CallContext::local()).await {
            Ok(tools) if !tools.is_empty() => {
                show::line(&format!("servers run {}", words(runtime.name())));
                return Ok(gateway);
            }
            _ => {
                let why = gateway.servers().await.into_iter().find_map(|status| status.reason);
                show::line(&format!("not {}: {}", words(runtime.name()), why.unwrap_or_default()));
                gateway.shutdown().await;
            }
        }
    }
    Err("nothing on this machine can run the server in isolation".into())
}

fn words(runtime: &str) -> &str {
    if runtime == "docker" { "in containers" } else { "as sandboxed processes" }
}

/// Shows what the server gets, and that this is little.
async fn inspect(gateway: &McpGateway, server: &ServerName) -> Done {
    show::step("inspect", "what the server gets");
    let got = gateway.inspect(server).await?;
    let text = |text: &str| text.to_owned();
    let limits = format!(
        "{} MiB memory, {} core, {} processes, {} s per call",
        got.limits.memory_bytes >> 20,
        got.limits.cpus,
        got.limits.pids,
        got.limits.call_timeout.as_secs(),
    );
    let network = if got.network == NetworkRule::None { text("none") } else { format!("{:?}", got.network) };
    let mut rows = vec![[text("network"), network.clone()], [text("limits"), limits]];
    rows.extend(got.mounts.iter().map(|mount| [text("files"), mount.clone()]));
    rows.push([text("secrets"), if got.secrets.is_empty() { text("none") } else { format!("{:?}", got.secrets) }]);
    rows.extend(got.capability.iter().flat_map(|it| &it.notes).map(|note| [text("note"), note.clone()]));
    show::table(&rows);
    if network == "none" && got.mounts.iter().all(|mount| mount.ends_with("(read-only)")) {
        return Ok(());
    }
    Err("the server gets more than it should".into())
}

/// Lets the server try what it must not be able to do.
async fn isolation(gateway: &McpGateway, server: &ServerName, place: &Place) -> Done {
    show::step("isolate", "the server has a bug and bad manners; neither gets it anywhere");
    let got = gateway.inspect(server).await?;
    let mut files = vec![place.private.display().to_string()];
    if got.runtime.as_deref() == Some("process") {
        // A container has an /etc/passwd of its own.
        files.push("/etc/passwd".to_owned());
    }
    if got.capability.is_none_or(|can| can.file_isolation) {
        for file in files {
            match call(gateway, "read_note", json!({"name": file})).await? {
                Err(why) => show::line(&format!("reads {file}: {why}")),
                Ok(_) => return Err(format!("the server could read {file}").into()),
            }
        }
    } else {
        show::line("files: nothing isolates them on this machine (no Landlock, no bubblewrap, no engine)");
    }
    // An address that is nobody's, so that nothing leaves this machine even where nothing is isolated.
    match call(gateway, "phone_home", json!({"address": "192.0.2.1:443"})).await? {
        Err(why) if !why.contains("timed out") => {
            show::line(&format!("connects to 192.0.2.1:443: {why}"));
            Ok(())
        }
        _ => Err("the server could use the network".into()),
    }
}

/// Shows the audit trail and checks its chain.
async fn audit(gateway: &McpGateway) -> Done {
    show::step("audit", "one record per request, each chained to the one before");
    let records = gateway.audit().query(&AuditQuery::all()).await?;
    let head = ["#", "who", "what", "name", "decision", "outcome", "ms"].map(str::to_owned);
    show::table(&[head].into_iter().chain(records.iter().map(row)).collect::<Vec<_>>());
    let report = verify_chain(&records);
    let denied = records.iter().filter(|record| record.event.outcome.as_str() == "denied").count();
    show::line(&format!(
        "chain of {} records: {}",
        report.checked,
        if report.is_intact() { "intact" } else { "broken" }
    ));
    if report.is_intact() && denied == 1 { Ok(()) } else { Err("the audit trail is not what it should be".into()) }
}

fn row(record: &AuditRecord) -> [String; 7] {
    let event = &record.event;
    let name = match (&event.server, &event.name) {
        (Some(server), Some(name)) => format!("{server}.{name}"),
        (Some(server), None) => server.to_string(),
        _ => String::new(),
    };
    let decision = event.decision.as_ref();
    [
        record.sequence.to_string(),
        event.principal.clone(),
        event.action.clone(),
        name,
        decision.map(|it| format!("{} ({})", it.effect.as_str(), it.rule)).unwrap_or_default(),
        event.outcome.as_str().to_owned(),
        format!("{:.1}", event.duration_micros as f64 / 1000.0),
    ]
}

/// Calls a tool; gives its text, or the text with which the tool says that it failed.
async fn call(gateway: &McpGateway, tool: &str, arguments: Value) -> Done<Result<String, String>> {
    let answer: Value = gateway.call_tool(&CallContext::local(), tool, &arguments).await?.read()?;
    let text = answer["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    Ok(if answer["isError"] == true { Err(text) } else { Ok(text) })
}
