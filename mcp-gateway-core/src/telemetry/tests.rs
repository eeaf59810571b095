//! Tests of what is counted and of the text format.

use std::collections::{BTreeMap, BTreeSet};

use super::series::MAX_SERIES;
use super::*;

/// Reads a page as a strict scraper would: name with labels to value.
fn scrape(page: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut metrics, mut kind) = (BTreeMap::new(), BTreeSet::new(), "");
    let mut metric = "";
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            metric = help.split_once(' ').unwrap().0;
            assert!(metrics.insert(metric), "{metric} stands twice");
        } else if let Some(text) = line.strip_prefix("# TYPE ") {
            assert_eq!(text.split_once(' ').unwrap().0, metric);
            kind = text.split_once(' ').unwrap().1;
            assert!(["counter", "gauge", "histogram"].contains(&kind));
            assert_eq!(kind == "counter", metric.ends_with("_total"));
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.iter().any(|suffix| name == format!("{metric}{suffix}")), "{line}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            check_labels(&series[name.len()..]);
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} stands twice");
        }
    }
    samples
}

fn check_labels(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut rest = text.strip_prefix('{').unwrap();
    loop {
        let (key, after) = rest.split_once("=\"").unwrap();
        assert!(!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{text}");
        let mut escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let after = &after[end.unwrap() + 1..];
        if after == "}" {
            return;
        }
        rest = after.strip_prefix(',').unwrap();
    }
}

#[test]
fn counts_what_happened() {
    let metrics = Metrics::new();
    let clone = metrics.clone();
    metrics.record_request("tools/call", Some("github"), "ok", Duration::from_millis(10));
    clone.record_request("tools/call", Some("github"), "ok", Duration::from_millis(11));
    metrics.record_request("tools/call", Some("github"), "tool_error", Duration::from_secs(400));
    metrics.record_request("tools/list", None, "ok", Duration::ZERO);
    metrics.record_server_start("github", "ok");
    metrics.record_server_start("github", "start_failed");
    metrics.record_audit_failure();
    let session = metrics.active_session();
    let servers = [metrics.running_server(), metrics.running_server()];

    let page = scrape(&metrics.render());
    let duration = |suffix: &str, labels: &str| page[&format!("mcp_server_operation_duration_seconds{suffix}{labels}")];
    let ok = r#"mcp_method_name="tools/call",server="github""#;
    let failed = r#"mcp_method_name="tools/call",server="github",error_type="tool_error""#;
    assert_eq!(page[r#"mcp_gateway_requests_total{kind="tools/call",outcome="ok"}"#], 2.0);
    assert_eq!(page[r#"mcp_gateway_requests_total{kind="tools/call",outcome="tool_error"}"#], 1.0);
    assert_eq!(duration("_bucket", &format!(r#"{{{ok},le="0.01"}}"#)), 1.0);
    assert_eq!(duration("_bucket", &format!(r#"{{{ok},le="0.02"}}"#)), 2.0);
    assert_eq!(duration("_bucket", &format!(r#"{{{ok},le="+Inf"}}"#)), 2.0);
    assert_eq!(duration("_sum", &format!("{{{ok}}}")), 0.021);
    assert_eq!(duration("_bucket", &format!(r#"{{{failed},le="300"}}"#)), 0.0);
    assert_eq!(duration("_count", &format!("{{{failed}}}")), 1.0);
    assert_eq!(duration("_count", r#"{mcp_method_name="tools/list"}"#), 1.0);
    assert_eq!(page[r#"mcp_gateway_server_starts_total{server="github",outcome="start_failed"}"#], 1.0);
    assert_eq!(page["mcp_gateway_audit_append_failures_total"], 1.0);
    assert_eq!((page["mcp_gateway_servers_running"], page["mcp_gateway_sessions_active"]), (2.0, 1.0));

    drop((session, servers));
    let page = scrape(&metrics.render());
    assert_eq!((page["mcp_gateway_servers_running"], page["mcp_gateway_sessions_active"]), (0.0, 0.0));
}

#[test]
fn an_idle_gateway_has_a_valid_page() {
    assert_eq!(scrape(&Metrics::new().render()).len(), 3);
}

#[test]
fn labels_cannot_break_the_page() {
    let metrics = Metrics::new();
    for kind in ["a\"b", "a\\", "a\nb 1\nc", "}", "{x=\"y\"}", "é\u{0}", "", &"☃".repeat(500)] {
        metrics.record_request(kind, Some(kind), kind, Duration::ZERO);
    }
    let page = metrics.render();
    scrape(&page);
    assert!(page.lines().all(|line| line.len() < 600));
}

#[test]
fn series_are_bounded_and_nothing_is_lost() {
    let metrics = Metrics::new();
    for number in 0..MAX_SERIES + 500 {
        metrics.record_server_start(&format!("server-{number}"), "ok");
        metrics.record_request(&format!("method-{number}"), None, "ok", Duration::ZERO);
    }
    let page = scrape(&metrics.render());
    let starts: Vec<_> = page.iter().filter(|(name, _)| name.starts_with("mcp_gateway_server_starts_total")).collect();
    assert_eq!(starts.len(), MAX_SERIES + 1);
    assert_eq!(page[r#"mcp_gateway_server_starts_total{otel_metric_overflow="true"}"#], 500.0);
    assert_eq!(page[r#"mcp_server_operation_duration_seconds_count{otel_metric_overflow="true"}"#], 500.0);
}

#[test]
fn threads_lose_no_count() {
    let metrics = Metrics::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope
                .spawn(|| (0..1000).for_each(|_| metrics.record_request("ping", None, "ok", Duration::from_micros(5))));
        }
    });
    let page = scrape(&metrics.render());
    assert_eq!(page[r#"mcp_gateway_requests_total{kind="ping",outcome="ok"}"#], 4000.0);
    assert_eq!(page[r#"mcp_server_operation_duration_seconds_count{mcp_method_name="ping"}"#], 4000.0);
}
