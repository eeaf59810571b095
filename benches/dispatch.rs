//! What the gateway adds to a call inside one process: the same server spoken to directly and through the funnel.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_gateway_core::audit::{AuditStore, SqliteAudit, SqliteAuditConfig};
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, McpGateway};
use mcp_gateway_core::model::{CallContext, Effect, ProfileName, SecretEntry, SecretValue, ServerEntry, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicyRuleSpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::{ClientHello, Message, RawJson, Request, RpcError};
use mcp_gateway_core::runtime::{MemoryRuntime, MemoryServer};
use mcp_gateway_core::secrets::{MemoryBroker, SecretKey};
use mcp_gateway_core::transport::client::{Cause, Peer, PeerRequest, ServerEvents, memory_pair};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// How many rules and secrets a governed gateway has.
const RULES: usize = 1_000;
const SECRETS: usize = 50;

#[derive(Debug)]
struct Echo;

#[async_trait]
impl MemoryServer for Echo {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let Ok(Message::Request { id, method, params }) = Message::parse(line.as_bytes()) else { continue };
            let result = match method.as_str() {
                "initialize" => RawJson::parse(
                    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}"#,
                ),
                "tools/list" => RawJson::parse(r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#),
                _ => Ok(params.unwrap_or_else(RawJson::empty_object)),
            };
            let answer = Message::response(id, Ok(result.unwrap())).to_json();
            if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl ServerEvents for Echo {
    async fn request(&self, method: String, _params: Option<RawJson>, _cause: Cause) -> Result<RawJson, RpcError> {
        Err(RpcError::method_not_found(&method))
    }

    async fn notification(&self, _method: String, _params: Option<RawJson>, _cause: Cause) {}
}

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ctx = CallContext::local();
    let peer = runtime.block_on(async {
        let (connection, stream) = memory_pair(64 << 20);
        tokio::spawn(async move { Echo.serve(stream, BTreeMap::new()).await });
        let peer = Peer::new(connection, Arc::new(Echo));
        peer.initialize(&ctx, &ClientHello::of_gateway(serde_json::json!({})), Duration::from_secs(5)).await.unwrap();
        peer
    });
    let gateway = runtime.block_on(gateway(0, 0, Arc::new(Forgetful)));
    for (label, bytes) in [("100 B", 100), ("10 KB", 10_000), ("1 MB", 1_000_000)] {
        let request = Request::call_tool("echo", &serde_json::json!({"text": "x".repeat(bytes)})).unwrap();
        let mut group = criterion.benchmark_group(label);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("directly", |bench| {
            bench.to_async(&runtime).iter(async || {
                let call = PeerRequest::new("tools/call", request.params.clone(), Duration::from_secs(5));
                peer.request(&ctx, call).await.unwrap().unwrap()
            });
        });
        group.bench_function("through the gateway", |bench| {
            bench
                .to_async(&runtime)
                .iter(async || gateway.dispatch(&ctx, request.clone()).await.unwrap().result.unwrap());
        });
        group.finish();
    }
    runtime.block_on(gateway.shutdown());
}

/// What governing adds to a call: rules of which none decides, secrets that are looked for in every result, a record.
fn governed(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ctx = CallContext::local();
    let folder = tempfile::tempdir().unwrap();
    for (label, bytes) in [("governed, 100 B", 100), ("governed, 10 KB", 10_000)] {
        let request = Request::call_tool("echo", &serde_json::json!({"text": "x".repeat(bytes)})).unwrap();
        let mut group = criterion.benchmark_group(label);
        let kept = SqliteAuditConfig::new(folder.path().join(format!("{bytes}.sqlite")));
        let kept: Arc<dyn AuditStore> = Arc::new(SqliteAudit::open(kept).unwrap());
        for (name, rules, secrets, audit) in [
            ("nothing", 0, 0, Arc::new(Forgetful) as Arc<dyn AuditStore>),
            ("1,000 rules", RULES, 0, Arc::new(Forgetful)),
            ("50 secrets", 0, SECRETS, Arc::new(Forgetful)),
            ("a record in a file", 0, 0, Arc::clone(&kept)),
            ("all of it", RULES, SECRETS, kept),
        ] {
            let gateway = runtime.block_on(gateway(rules, secrets, audit));
            group.bench_function(name, |bench| {
                bench
                    .to_async(&runtime)
                    .iter(async || gateway.dispatch(&ctx, request.clone()).await.unwrap().result.unwrap());
            });
            runtime.block_on(gateway.shutdown());
        }
        group.finish();
    }
}

/// A gateway with one server, rules that are about others, and secrets that its server gets.
async fn gateway(rules: usize, secrets: usize, audit: Arc<dyn AuditStore>) -> McpGateway {
    let name = ServerName::new("echo").unwrap();
    let own: ServerSpec = serde_json::from_str(r#"{"runtime":"memory","limits":{"maxMessage":"64m"}}"#).unwrap();
    let mut spec = ProfileSpec::new(ProfileName::new("bench").unwrap()).with_server(name.clone(), own);
    spec.policy.default = Some(Effect::Allow);
    let rule = |number: usize| PolicyRuleSpec::new(format!("server-{number}.delete_*"), Effect::Deny);
    spec.policy.rules = (0..rules).map(rule).collect();
    let (mut entry, mut broker) = (ServerEntry::image(name, "none"), MemoryBroker::new());
    for number in 0..secrets {
        let key = format!("echo.token-{number}");
        entry.secrets.push(SecretEntry::new(key.as_str(), format!("TOKEN_{number}")));
        let value = format!("value-{number}-{}", "s3cr3t".repeat(6));
        broker = broker.with_secret(SecretKey::new(key).unwrap(), SecretValue::new(value));
    }
    GatewayBuilder::new()
        .with_profile(Arc::new(MemoryProfile::new(spec)))
        .with_catalog(Arc::new(MemoryCatalog::new("bench").with_entry(entry)))
        .with_secrets(Arc::new(broker))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("echo", Arc::new(Echo))))
        .with_audit(audit)
        .build()
        .await
        .unwrap()
}

/// Keeps nothing: the store's own speed is measured elsewhere, and memory must not fill up here.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl AuditStore for Forgetful {
    async fn append(&self, _event: mcp_gateway_core::audit::AuditEvent) -> mcp_gateway_core::Result<u64> {
        Ok(1)
    }

    async fn query(
        &self,
        _query: &mcp_gateway_core::audit::AuditQuery,
    ) -> mcp_gateway_core::Result<Vec<mcp_gateway_core::audit::AuditRecord>> {
        Ok(Vec::new())
    }
}

criterion_group!(benches, calls, governed);
criterion_main!(benches);
