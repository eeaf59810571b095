//! A record as a log record of OpenTelemetry, in the JSON form of OTLP.

use serde_json::{Value, json};

use crate::audit::{AuditRecord, Outcome};

/// A batch: what one line of an OTLP file holds.
pub(super) fn batch(profile: &str, records: Vec<Value>) -> Value {
    json!({"resourceLogs": [{
        "resource": {"attributes": [
            text("service.name", "mcp-gateway"),
            text("service.version", crate::VERSION),
            text("mcp.gateway.profile", profile),
        ]},
        "scopeLogs": [{
            "scope": {"name": "mcp_gateway.audit", "version": crate::VERSION},
            "logRecords": records,
        }],
    }]})
}

/// One record.
pub(super) fn log_record(record: &AuditRecord) -> Value {
    let event = &record.event;
    let (number, severity) = match event.outcome {
        Outcome::Ok => (9, "INFO"),
        Outcome::Denied | Outcome::Limited | Outcome::Cancelled | Outcome::ToolError => (13, "WARN"),
        Outcome::ServerError | Outcome::Failed => (17, "ERROR"),
    };
    let mut attributes = vec![
        integer("mcp.gateway.audit.sequence", record.sequence),
        text("mcp.gateway.audit.hash", &record.hash),
        text("mcp.method.name", &event.action),
        text("mcp.gateway.outcome", event.outcome.as_str()),
        text("enduser.id", &event.principal),
        integer("mcp.gateway.duration_us", event.duration_micros),
    ];
    let mut add = |key: &str, value: Option<&str>| attributes.extend(value.map(|value| text(key, value)));
    add("mcp.session.id", event.session.as_ref().map(|session| session.as_str()));
    add("mcp.gateway.server", event.server.as_ref().map(|server| server.as_str()));
    add("mcp.gateway.name", event.name.as_deref());
    add("mcp.gateway.instance", event.instance.as_ref().map(|instance| instance.as_str()));
    add("mcp.gateway.arguments_hash", event.arguments_hash.as_deref());
    add("mcp.gateway.result_hash", event.result_hash.as_deref());
    if let Some(decision) = &event.decision {
        add("mcp.gateway.decision.effect", Some(decision.effect.as_str()));
        add("mcp.gateway.decision.rule", Some(&decision.rule));
        add("mcp.gateway.decision.reason", Some(&decision.reason));
    }
    add("error.message", event.error.as_deref());
    add("mcp.gateway.detail", event.detail.as_ref().map(ToString::to_string).as_deref());
    let time = u128::try_from(event.time).unwrap_or(0).saturating_mul(1_000_000).to_string();
    let mut log = json!({
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": number,
        "severityText": severity,
        "eventName": "mcp_gateway.audit",
        "body": {"stringValue": record.text()},
        "attributes": attributes,
    });
    if let Some((trace, span)) = event.traceparent.as_deref().and_then(ids) {
        log["traceId"] = trace.into();
        log["spanId"] = span.into();
    }
    log
}

/// The ids of a `traceparent`.
fn ids(traceparent: &str) -> Option<(&str, &str)> {
    let mut parts = traceparent.split('-').skip(1);
    let (trace, span) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex(trace, 32) && is_hex(span, 16)).then_some((trace, span))
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Integers of 64 bits are texts in the JSON form of protocol buffers.
fn integer(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}
