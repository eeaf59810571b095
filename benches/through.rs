//! What a large result costs on its way: over a plain pipe, and over one with the gateway in the middle.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway as _, GatewayBuilder, GatewayHost, McpGateway};
use mcp_gateway_core::model::{Effect, Principal, ProfileName, ServerEntry, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicySpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::{Message, RawJson, RequestId, RpcError};
use mcp_gateway_core::runtime::{MemoryRuntime, MemoryServer};
use mcp_gateway_core::transport::server::{StreamConfig, serve_stream};
use serde_json::json;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf,
    WriteHalf,
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

const SIZES: [(&str, usize); 4] = [("1 KB", 1_000), ("100 KB", 100_000), ("1 MB", 1_000_000), ("10 MB", 10_000_000)];
const PIPE: usize = 64 * 1024;

/// A server of one era whose tool gives a text as long as it is asked for.
#[derive(Debug)]
struct Giver {
    is_stateless: bool,
    texts: Vec<(u64, String)>,
}

impl Giver {
    fn new(is_stateless: bool) -> Self {
        let text = |size: usize| {
            let kind = if is_stateless { r#","resultType":"complete""# } else { "" };
            format!(r#"{{"content":[{{"type":"text","text":"{}"}}]{kind}}}"#, "x".repeat(size))
        };
        Self { is_stateless, texts: SIZES.map(|(_, size)| (size as u64, text(size))).into() }
    }

    fn answer(&self, id: &RequestId, method: &str, params: Option<&RawJson>) -> String {
        let result = match method {
            "initialize" if !self.is_stateless => json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "g", "version": "1"},
            }),
            "server/discover" if self.is_stateless => json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0,
                "cacheScope": "private",
            }),
            "tools/list" => json!({"tools": [{"name": "give", "inputSchema": {"type": "object"}}]}),
            "tools/call" => {
                let params: serde_json::Value = params.unwrap().read().unwrap();
                let size = params["arguments"]["size"].as_u64().unwrap();
                let (_, text) = self.texts.iter().find(|(known, _)| *known == size).unwrap();
                // Written as it is: a server's own work is not what is measured.
                return format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{text}}}\n", id.as_json());
            }
            other => {
                let refused = Message::response(id.clone(), Err(RpcError::method_not_found(other)));
                return format!("{}\n", refused.to_json());
            }
        };
        format!("{}\n", Message::response(id.clone(), Ok(RawJson::from_value(&result).unwrap())).to_json())
    }
}

#[derive(Debug)]
struct Served(Arc<Giver>);

#[async_trait]
impl MemoryServer for Served {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let Ok(Message::Request { id, method, params }) = Message::parse(line.as_bytes()) else { continue };
            if write.write_all(self.0.answer(&id, &method, params.as_ref()).as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// A client that reads answers as bytes.
struct Client {
    write: WriteHalf<DuplexStream>,
    read: BufReader<ReadHalf<DuplexStream>>,
    line: Vec<u8>,
    envelope: &'static str,
}

impl Client {
    async fn new(stream: DuplexStream, is_stateless: bool, greets: bool) -> Self {
        let (read, write) = tokio::io::split(stream);
        let envelope = if is_stateless {
            r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
        } else {
            ""
        };
        let mut client = Self { write, read: BufReader::with_capacity(PIPE, read), line: Vec::new(), envelope };
        if greets && !is_stateless {
            let hello = r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#;
            client.ask(&format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{hello}}}"#)).await;
        }
        client
    }

    async fn ask(&mut self, request: &str) -> usize {
        self.write.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        loop {
            self.line.clear();
            read_line(&mut self.read, &mut self.line).await;
            // That the lists have changed is told once, at the beginning.
            if self.line.get(..40).is_none_or(|begin| !begin.windows(8).any(|part| part == b"\"method\"")) {
                return self.line.len();
            }
        }
    }

    async fn give(&mut self, size: usize) {
        let params = format!(r#"{{"name":"give","arguments":{{"size":{size}}}{}}}"#, self.envelope);
        let length = self.ask(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)).await;
        assert!(length > size, "{}", String::from_utf8_lossy(&self.line));
    }
}

async fn read_line(read: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) {
    assert!(read.read_until(b'\n', line).await.unwrap() > 0);
}

/// A pipe in the middle that carries bytes and does nothing else.
fn plain_pipe(server: Arc<Giver>) -> DuplexStream {
    let (near, middle) = tokio::io::duplex(PIPE);
    let (other, far) = tokio::io::duplex(PIPE);
    tokio::spawn(async move { Served(server).serve(far, BTreeMap::new()).await });
    let (mut from_client, mut to_client) = tokio::io::split(middle);
    let (mut from_server, mut to_server) = tokio::io::split(other);
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    tokio::spawn(async move {
        let mut chunk = vec![0; PIPE];
        loop {
            match from_server.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => to_client.write_all(&chunk[..count]).await.unwrap(),
            }
        }
    });
    near
}

async fn gateway(server: Arc<Giver>) -> McpGateway {
    let name = ServerName::new("giver").unwrap();
    let own: ServerSpec = serde_json::from_str(r#"{"runtime":"memory","limits":{"maxMessage":"64m"}}"#).unwrap();
    let spec = ProfileSpec::new(ProfileName::new("bench").unwrap())
        .with_server(name.clone(), own)
        .with_policy(PolicySpec::new().with_default(Effect::Allow));
    GatewayBuilder::new()
        .with_profile(Arc::new(MemoryProfile::new(spec)))
        .with_catalog(Arc::new(MemoryCatalog::new("bench").with_entry(ServerEntry::image(name, "none"))))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("giver", Arc::new(Served(server)))))
        .with_audit(Arc::new(Forgetful))
        .build()
        .await
        .unwrap()
}

fn through_gateway(gateway: &McpGateway) -> DuplexStream {
    let (near, far) = tokio::io::duplex(PIPE);
    let host = Arc::new(GatewayHost::new(Arc::new(gateway.clone())));
    let (read, write) = tokio::io::split(far);
    tokio::spawn(serve_stream(
        host,
        Principal::local(),
        read,
        write,
        StreamConfig::default(),
        CancellationToken::new(),
    ));
    near
}

fn results(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut paths = vec![("a plain pipe", {
        let pipe = runtime.block_on(async { plain_pipe(Arc::new(Giver::new(false))) });
        runtime.block_on(Client::new(pipe, false, false))
    })];
    let mut gateways = Vec::new();
    for (label, client, server) in [
        ("sessions to sessions", false, false),
        ("stateless to stateless", true, true),
        ("stateless to sessions", true, false),
        ("sessions to stateless", false, true),
    ] {
        let gateway = runtime.block_on(gateway(Arc::new(Giver::new(server))));
        let stream = runtime.block_on(async { through_gateway(&gateway) });
        paths.push((label, runtime.block_on(Client::new(stream, client, true))));
        gateways.push(gateway);
    }
    let paths: Vec<_> = paths.into_iter().map(|(label, client)| (label, Mutex::new(client))).collect();
    for (size_label, size) in SIZES {
        let mut group = criterion.benchmark_group(size_label);
        group.throughput(Throughput::Bytes(size as u64));
        for (label, client) in &paths {
            group.bench_function(*label, |bench| {
                bench.to_async(&runtime).iter(async || client.lock().await.give(size).await);
            });
        }
        group.finish();
    }
    for gateway in gateways {
        runtime.block_on(gateway.shutdown());
    }
}

/// Keeps nothing: the store's own speed is measured elsewhere, and memory must not fill up here.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl mcp_gateway_core::audit::AuditStore for Forgetful {
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

criterion_group!(benches, results);
criterion_main!(benches);
