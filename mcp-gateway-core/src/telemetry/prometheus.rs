//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::{BOUNDS, Histogram};
use super::series::Family;

/// A page that is being written. Writing to a `String` cannot fail, so results of `write!` are dropped.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a metric; all its samples follow.
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample without labels.
    pub(super) fn value(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// The samples of counters.
    pub(super) fn counters<const N: usize>(&mut self, name: &str, keys: [&str; N], family: &Family<N, AtomicU64>) {
        for (values, count) in family.shown(|counter| counter.load(Ordering::Relaxed), |count| *count == 0) {
            let labels = labels(keys, values.as_ref());
            let _ = writeln!(self.0, "{name}{} {count}", braces(&labels));
        }
    }

    /// The samples of histograms.
    pub(super) fn histograms<const N: usize>(&mut self, name: &str, keys: [&str; N], family: &Family<N, Histogram>) {
        for (values, shown) in family.shown(Histogram::snapshot, |shown| shown.count() == 0) {
            let labels = labels(keys, values.as_ref());
            let comma = if labels.is_empty() { "" } else { "," };
            let bounds = BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
            for (bound, count) in bounds.zip(shown.cumulative) {
                let _ = writeln!(self.0, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(self.0, "{name}_sum{} {}", braces(&labels), shown.sum);
            let _ = writeln!(self.0, "{name}_count{} {}", braces(&labels), shown.count());
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn braces(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

/// The labels between the braces; an empty value is no label, no values are those of the overflow.
fn labels<const N: usize>(keys: [&str; N], values: Option<&[Box<str>; N]>) -> String {
    let Some(values) = values else { return r#"otel_metric_overflow="true""#.to_owned() };
    let mut out = String::new();
    for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
        if !out.is_empty() {
            out.push(',');
        }
        let _ = write!(out, "{key}=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                _ => out.push(c),
            }
        }
        out.push('"');
    }
    out
}
