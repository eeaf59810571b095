//! The end-to-end benchmark: one MCP server spoken to directly and through the gateway.
//!
//! Run it by `make bench`; see `docs/benchmarks.md`. Every number is printed as a row of a Markdown table.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measuring program"
)]

mod client;
mod report;
mod setup;

use std::time::{Duration, Instant};

use client::{Client, Http, Stdio};
use setup::Setup;

/// How long each throughput figure is measured.
const MEASURE: Duration = Duration::from_secs(3);
/// How many calls a latency figure is made of.
const CALLS: usize = 5_000;

fn main() {
    let setup = Setup::from_args();
    report::machine();
    type Table = fn(&Setup);
    let tables: [(&str, Table); 4] = [("latency", latency), ("large", large), ("start", start), ("memory", memory)];
    for (name, table) in tables {
        if setup.is_wanted(name) {
            table(&setup);
        }
    }
}

/// Added latency and throughput, per way to the server.
fn latency(setup: &Setup) {
    report::heading("Latency of one small call (`echo`, 16 bytes) and throughput");
    report::header(&["path", "p50 µs", "p99 µs", "added p50 µs", "calls/s ×1", "calls/s ×16", "calls/s ×64"]);
    let mut base = None;
    for (name, open) in setup.paths() {
        let Some(client) = open() else {
            eprintln!("skipped: {name}: the container engine or the image `mcp-gateway-test/awkward:1` is not there");
            continue;
        };
        client.initialize();
        let call = |client: &dyn Client| client.call("echo", r#"{"text":"0123456789abcdef"}"#);
        for _ in 0..200 {
            call(&*client);
        }
        let mut times: Vec<Duration> = (0..CALLS)
            .map(|_| {
                let begun = Instant::now();
                call(&*client);
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        let (p50, p99) = (times[CALLS / 2], times[CALLS * 99 / 100]);
        // Each way behind the gateway is compared with the same server spoken to directly.
        if name.starts_with("server directly") {
            base = None;
        }
        let added = match base {
            None => "-".to_owned(),
            Some(base) => report::micros(p50.saturating_sub(base)),
        };
        let rates: Vec<String> = [1, 16, 64].map(|width| report::rate(throughput(&*client, width))).to_vec();
        let mut row = vec![name, report::micros(p50), report::micros(p99), added];
        row.extend(rates);
        report::row(&row);
        base = base.or(Some(p50));
    }
}

/// What a large message costs on its way.
fn large(setup: &Setup) {
    large_calls(setup, "Calls with large results (`big`), p50 in µs", "big", |size| format!(r#"{{"bytes":{size}}}"#));
    large_calls(setup, "Calls with large arguments and results (`echo`), p50 in µs", "echo", |size| {
        format!(r#"{{"text":"{}"}}"#, "x".repeat(size))
    });
}

fn large_calls(setup: &Setup, heading: &str, tool: &str, arguments: impl Fn(usize) -> String) {
    report::heading(heading);
    report::header(&["path", "1 KB", "100 KB", "1 MB", "10 MB"]);
    for (name, open) in setup.large_paths() {
        let client = open();
        client.initialize();
        let mut row = vec![name];
        for (size, calls) in [(1_000, 2_000), (100_000, 500), (1_000_000, 100), (10_000_000, 20)] {
            let arguments = arguments(size);
            let mut times: Vec<Duration> = (0..calls)
                .map(|_| {
                    let begun = Instant::now();
                    client.call(tool, &arguments);
                    begun.elapsed()
                })
                .collect();
            times.sort_unstable();
            row.push(report::micros(times[calls / 2]));
        }
        report::row(&row);
        client.finish();
    }
}

fn throughput(client: &dyn Client, width: usize) -> f64 {
    let begun = Instant::now();
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..width)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while begun.elapsed() < MEASURE {
                        client.call("echo", r#"{"text":"0123456789abcdef"}"#);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    counts.iter().sum::<usize>() as f64 / begun.elapsed().as_secs_f64()
}

/// From process start to the answer of `tools/list`, with servers whose surface is recorded.
fn start(setup: &Setup) {
    report::heading("From process start to the answer of `tools/list`, surfaces recorded");
    report::header(&["servers", "tools", "p50 ms", "p90 ms"]);
    for count in [1, 30, 300] {
        let args = setup.many(count);
        let record = Stdio::open(&setup.gateway, &args);
        record.initialize();
        let tools = record.list_all(count * setup::TOOLS_EACH);
        record.finish();
        let mut times: Vec<Duration> = (0..20)
            .map(|_| {
                let begun = Instant::now();
                let client = Stdio::open(&setup.gateway, &args);
                client.initialize();
                let listed = client.list();
                let took = begun.elapsed();
                assert_eq!(listed, tools, "the second run lists what the first recorded");
                client.finish();
                took
            })
            .collect();
        times.sort_unstable();
        report::row(&[count.to_string(), tools.to_string(), report::millis(times[10]), report::millis(times[18])]);
    }
}

/// Resident memory of the gateway alone, and what else it started.
fn memory(setup: &Setup) {
    report::heading("Resident memory of the gateway with 10 running servers");
    report::header(&["state", "RSS MB", "helper processes"]);
    let client = Stdio::open(&setup.gateway, &setup.many(10));
    client.initialize();
    client.list_all(10 * setup::TOOLS_EACH);
    report::row(&["listed".to_owned(), report::megabytes(client.resident()), client.helpers(0).to_string()]);
    for server in 0..10 {
        client.call(&format!("s{server}_echo"), r#"{"text":"x"}"#);
    }
    report::row(&[
        "10 servers running".to_owned(),
        report::megabytes(client.resident()),
        client.helpers(10).to_string(),
    ]);
    client.finish();
    let _ = Http::PORT;
}
