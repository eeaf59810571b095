//! How durations are distributed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds that OpenTelemetry's conventions for MCP recommend, in milliseconds, each as Prometheus shows it.
pub(super) const BOUNDS: [(u64, &str); 14] = [
    (10, "0.01"),
    (20, "0.02"),
    (50, "0.05"),
    (100, "0.1"),
    (200, "0.2"),
    (500, "0.5"),
    (1_000, "1"),
    (2_000, "2"),
    (5_000, "5"),
    (10_000, "10"),
    (30_000, "30"),
    (60_000, "60"),
    (120_000, "120"),
    (300_000, "300"),
];

/// Counts durations by bucket; the last bucket has no bound.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

/// A histogram at one moment.
pub(super) struct Snapshot {
    /// How many durations were at most as long as each bound; the last counts all.
    pub(super) cumulative: [u64; BOUNDS.len() + 1],
    /// All durations together, in seconds.
    pub(super) sum: f64,
}

impl Histogram {
    pub(super) fn record(&self, duration: Duration) {
        let bucket = BOUNDS.partition_point(|(bound, _)| Duration::from_millis(*bound) < duration);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_nanos.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut total = 0;
        let cumulative = std::array::from_fn(|index| {
            total += self.buckets[index].load(Ordering::Relaxed);
            total
        });
        Snapshot { cumulative, sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)).as_secs_f64() }
    }
}

impl Snapshot {
    /// How many durations there were.
    pub(super) fn count(&self) -> u64 {
        self.cumulative[BOUNDS.len()]
    }
}
