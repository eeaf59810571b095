//! How many records a second the trail takes, each on disk when it is acknowledged.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_gateway_core::audit::{AuditEvent, AuditKey, AuditStore, Durability, SqliteAudit, SqliteAuditConfig};

/// How many callers wait for their records at once: this many share a flush.
const CALLERS: [usize; 3] = [1, 64, 512];

fn event() -> AuditEvent {
    let mut event = AuditEvent::new("bench".parse().unwrap(), "local", "tools/call");
    event.server = Some("github".parse().unwrap());
    event.name = Some("create_issue".to_owned());
    event.shape = Some(serde_json::json!({"title": "string(12)", "body": "string(480)"}));
    event
}

fn appends(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = Arc::new(AuditKey::open(&folder.path().join("audit.key")).unwrap());
    for (label, durability) in [("durable", Durability::Full), ("survives a crash", Durability::Normal)] {
        let mut group = criterion.benchmark_group(format!("audit, {label}"));
        for callers in CALLERS {
            let config = SqliteAuditConfig::new(folder.path().join(format!("{label}-{callers}.sqlite")))
                .with_durability(durability)
                .with_checkpoints("bench".parse().unwrap(), Arc::clone(&key), 1_000);
            let store = Arc::new(SqliteAudit::open(config).unwrap());
            group.throughput(Throughput::Elements(callers as u64));
            group.bench_function(format!("{callers} callers"), |bench| {
                bench.to_async(&runtime).iter(async || {
                    let tasks: Vec<_> = (0..callers)
                        .map(|_| {
                            let store = Arc::clone(&store);
                            tokio::spawn(async move { store.append(event()).await.unwrap() })
                        })
                        .collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, appends);
criterion_main!(benches);
