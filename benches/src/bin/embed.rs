//! The Rust part of the benchmark of the bindings: the calls that those of Python and Node are compared with.
//!
//! Run it by `.ci/bench-bindings`; see `docs/benchmarks.md`. Each line of its input asks for a round of calls and is
//! answered by a line once the round is over; the end of the input is answered by one line of JSON per figure.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a measuring program"
)]

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_gateway_core::gateway::home::{OpenOptions, OpenParts, open};
use mcp_gateway_core::gateway::{CallOptions, Gateway as _, Session};
use mcp_gateway_core::model::Principal;
use mcp_gateway_core::protocol::RawJson;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// The calls that are measured, the same in `benches/bindings/bench.py` and `bench.mjs`.
const CALLS: [Call; 2] = [
    Call { tool: "echo", arguments: r#"{"text":"0123456789abcdef"}"#, bytes: 16, count: 100 },
    Call { tool: "big", arguments: r#"{"bytes":1000000}"#, bytes: 1_000_000, count: 20 },
];

/// Calls before those of a round.
const WARM: usize = 500;

/// A call, how much it gives, and how often it is made in a round.
#[derive(Clone, Copy, Debug)]
struct Call {
    tool: &'static str,
    arguments: &'static str,
    bytes: usize,
    count: usize,
}

/// How a host waits for a call.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In a task of the runtime.
    Task,
    /// In the main thread, which is none of the runtime's.
    Main,
    /// In the main thread, and the call is made in a task: what a binding does.
    Handed,
}

const WAYS: [Way; 3] = [Way::Task, Way::Main, Way::Handed];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Task => "`Session::request` in a task",
            Self::Main => "`Session::request` in `main`",
            Self::Handed => "`Session::request`, handed to a task by another thread",
        }
    }
}

fn main() {
    let Some(server) = std::env::args_os().nth(1) else {
        eprintln!("usage: embed AWKWARD_SERVER_BINARY (or simply: .ci/bench-bindings)");
        std::process::exit(2);
    };
    let home = std::env::temp_dir().join(format!("mcp-gateway-embed-{}", std::process::id()));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let opened = open(options(Path::new(&server), &home), OpenParts::default());
    let gateway = runtime.block_on(opened).unwrap().gateway;
    let session = runtime.block_on(gateway.session(Principal::local())).unwrap();
    let mut figures: Vec<_> =
        CALLS.into_iter().flat_map(|call| WAYS.map(|way| (way, call, Vec::<Vec<Duration>>::new()))).collect();
    for line in std::io::stdin().lines() {
        // The others had their turns meanwhile: caches and the processor's clock are warmed first.
        measure(&runtime, &session, WAYS[0], CALLS[0], WARM);
        for (way, call, rounds) in &mut figures {
            // Half as many before them, unmeasured.
            measure(&runtime, &session, *way, *call, call.count / 2);
            rounds.push(measure(&runtime, &session, *way, *call, call.count));
        }
        println!("{}", line.unwrap());
    }
    for (way, call, rounds) in figures {
        let medians: Vec<f64> = rounds.iter().map(|times| micros(times.clone(), 50)).collect();
        let all = rounds.concat();
        let (p50, p99) = (micros(all.clone(), 50), micros(all, 99));
        let figure = json!({"language": "Rust", "way": way.name(), "bytes": call.bytes, "p50_us": p50, "p99_us": p99,
            "rounds_p50_us": medians});
        println!("{figure}");
    }
    runtime.block_on(gateway.shutdown());
    std::fs::remove_dir_all(home).unwrap();
}

fn options(server: &Path, home: &Path) -> OpenOptions {
    let server = std::path::absolute(server).unwrap();
    let options = json!({
        "home": home,
        "profile": {"name": "bench", "servers": {"awkward": {}}, "policy": {"default": "allow"}},
        "catalogs": [{"registry": {
            "awkward": {"title": "Awkward", "type": "server", "process": {"command": server}},
        }}],
        "runtimes": ["process"],
    });
    serde_json::from_value(options).unwrap()
}

/// The time that so many percent of the calls did not exceed.
fn micros(mut times: Vec<Duration>, percent: usize) -> f64 {
    times.sort_unstable();
    times[times.len() * percent / 100].as_secs_f64() * 1e6
}

/// How long so many calls take, each of them.
fn measure(runtime: &Runtime, session: &Session, way: Way, call: Call, count: usize) -> Vec<Duration> {
    let held = session.clone();
    match way {
        Way::Task => runtime.block_on(runtime.spawn(async move { one_by_one(&held, call, count).await })).unwrap(),
        Way::Main => runtime.block_on(one_by_one(session, call, count)),
        Way::Handed => (0..count)
            .map(|_| {
                let begun = Instant::now();
                let (sender, answer) = mpsc::channel();
                let session = session.clone();
                runtime.spawn(async move { sender.send(make(&session, call).await) });
                check(call, &answer.recv().unwrap());
                begun.elapsed()
            })
            .collect(),
    }
}

async fn one_by_one(session: &Session, call: Call, count: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        check(call, &make(session, call).await);
        times.push(begun.elapsed());
    }
    times
}

async fn make(session: &Session, call: Call) -> RawJson {
    let params = format!(r#"{{"name":"{}","arguments":{}}}"#, call.tool, call.arguments);
    let params = RawJson::parse(params).unwrap().object().unwrap();
    session.request("tools/call", params, CallOptions::new()).await.unwrap()
}

/// An answer that says an error is short.
fn check(call: Call, answer: &RawJson) {
    assert!(answer.get().len() > call.bytes, "{}", answer.get());
}
