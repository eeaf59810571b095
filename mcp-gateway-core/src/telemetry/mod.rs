//! Counters of the gateway, by OpenTelemetry's names, as Prometheus text.

mod histogram;
mod prometheus;
mod series;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use self::histogram::Histogram;
use self::prometheus::Page;
use self::series::Family;

/// What the gateway counts; cheap to clone, and every clone counts into the same place.
///
/// # Behavior
/// - Counting takes no allocation and no lock that another count would wait for, once a series exists.
/// - A metric has at most 1000 series; what does not fit is counted in one with the label `otel_metric_overflow`.
/// - Nothing is global: each value counts for itself.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use mcp_gateway_core::telemetry::Metrics;
///
/// let metrics = Metrics::new();
/// metrics.record_request("tools/call", Some("github"), "ok", Duration::from_millis(3));
/// assert!(metrics.render().contains(r#"mcp_gateway_requests_total{kind="tools/call",outcome="ok"} 1"#));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: Family<2, AtomicU64>,
    durations: Family<3, Histogram>,
    starts: Family<2, AtomicU64>,
    servers: Arc<AtomicI64>,
    sessions: Arc<AtomicI64>,
    audit_failures: AtomicU64,
    approvals: Family<2, AtomicU64>,
}

impl Metrics {
    /// The content type of what [`render`](Self::render) gives.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Counters that stand at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a request: its protocol method, the server that it went to, how it ended, and how long it took.
    ///
    /// `outcome` is `ok` or what went wrong, such as `tool_error` or `denied`. Both `kind` and `outcome` come from fixed
    /// sets, never as a client wrote them: junk would use up the series.
    pub fn record_request(&self, kind: &str, server: Option<&str>, outcome: &str, duration: Duration) {
        self.0.requests.with([kind, outcome], increment);
        let error = if outcome == "ok" { "" } else { outcome };
        self.0.durations.with([kind, server.unwrap_or_default(), error], |histogram| histogram.record(duration));
    }

    /// Counts a start of a server; `outcome` is `ok` or what went wrong.
    pub fn record_server_start(&self, server: &str, outcome: &str) {
        self.0.starts.with([server, outcome], increment);
    }

    /// Counts an audit record that could not be kept.
    pub fn record_audit_failure(&self) {
        increment(&self.0.audit_failures);
    }

    /// Counts a question to a person: how firmly was asked, and `granted`, `refused`, `pending` or `failed`.
    pub fn record_approval(&self, effect: &str, outcome: &str) {
        self.0.approvals.with([effect, outcome], increment);
    }

    /// Counts a server as running until the guard is dropped.
    #[must_use]
    pub fn running_server(&self) -> GaugeGuard {
        GaugeGuard::new(&self.0.servers)
    }

    /// Counts a session as active until the guard is dropped.
    #[must_use]
    pub fn active_session(&self) -> GaugeGuard {
        GaugeGuard::new(&self.0.sessions)
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let inner = &self.0;
        let mut page = Page::default();
        page.head("mcp_gateway_requests_total", "counter", "Requests that the gateway dispatched.");
        page.counters("mcp_gateway_requests_total", ["kind", "outcome"], &inner.requests);
        page.head(
            "mcp_server_operation_duration_seconds",
            "histogram",
            "Time from the receipt of a request until its result was ready.",
        );
        page.histograms(
            "mcp_server_operation_duration_seconds",
            ["mcp_method_name", "server", "error_type"],
            &inner.durations,
        );
        page.head("mcp_gateway_server_starts_total", "counter", "Starts of MCP servers.");
        page.counters("mcp_gateway_server_starts_total", ["server", "outcome"], &inner.starts);
        page.head("mcp_gateway_approvals_total", "counter", "Questions whether a request may go on.");
        page.counters("mcp_gateway_approvals_total", ["effect", "outcome"], &inner.approvals);
        let gauges = [
            ("mcp_gateway_servers_running", "MCP servers that run now.", &inner.servers),
            ("mcp_gateway_sessions_active", "Client sessions that are open now.", &inner.sessions),
        ];
        for (name, help, gauge) in gauges {
            page.head(name, "gauge", help);
            page.value(name, gauge.load(Ordering::Relaxed));
        }
        let name = "mcp_gateway_audit_append_failures_total";
        page.head(name, "counter", "Audit records that could not be kept.");
        page.value(name, inner.audit_failures.load(Ordering::Relaxed));
        page.finish()
    }
}

fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts one thing as present until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(Arc<AtomicI64>);

impl GaugeGuard {
    fn new(gauge: &Arc<AtomicI64>) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(gauge))
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
