//! What one counted thing has used.

use std::time::{Duration, Instant};

use crate::profile::Rate;

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// The day of UTC that a time is in, counted from the Unix epoch.
pub(super) fn day_of(millis: i64) -> i64 {
    millis.div_euclid(DAY)
}

/// When the day of UTC began that a time is in, in milliseconds since the Unix epoch.
pub(super) fn day_begins(millis: i64) -> i64 {
    day_of(millis) * DAY
}

/// What one server, principal or pair of them has used of one quota.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// When the next request would come if all came evenly (the "theoretical arrival time" of the generic cell rate
    /// algorithm, ITU-T I.371).
    next: Option<Instant>,
    pub(super) under_way: u32,
    day: i64,
    used: u64,
}

impl Meter {
    /// How long the rate says to wait; `None` lets the request through.
    pub(super) fn wait(&self, rate: Rate, now: Instant) -> Option<Duration> {
        let ahead = self.next?.checked_duration_since(now)?;
        let tolerance = rate.period - rate.period / rate.count;
        ahead.checked_sub(tolerance).filter(|wait| !wait.is_zero())
    }

    /// Counts a request that the rate lets through.
    pub(super) fn pass(&mut self, rate: Rate, now: Instant) {
        let from = self.next.filter(|next| *next > now).unwrap_or(now);
        self.next = Some(from + rate.period / rate.count);
    }

    /// How many requests of this day there were.
    pub(super) fn used(&self, today: i64) -> u64 {
        if self.day == today { self.used } else { 0 }
    }

    /// Counts a request of this day.
    pub(super) fn count(&mut self, today: i64) {
        self.used = self.used(today) + 1;
        self.day = today;
    }

    /// Whether it remembers nothing that matters any more.
    pub(super) fn is_spent(&self, today: i64, now: Instant) -> bool {
        self.under_way == 0 && self.used(today) == 0 && self.next.is_none_or(|next| next <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_rate_says_come_at_once_and_then_evenly() {
        let rate = Rate::parse("4/1s").unwrap();
        let (mut meter, begun) = (Meter::default(), Instant::now());
        for _ in 0..4 {
            assert_eq!(meter.wait(rate, begun), None);
            meter.pass(rate, begun);
        }
        assert_eq!(meter.wait(rate, begun), Some(Duration::from_millis(250)));
        let later = begun + Duration::from_millis(250);
        assert_eq!(meter.wait(rate, later), None);
        meter.pass(rate, later);
        assert_eq!(meter.wait(rate, later), Some(Duration::from_millis(250)));
        let much_later = begun + Duration::from_secs(60);
        assert!(meter.is_spent(0, much_later));
        for _ in 0..4 {
            assert_eq!(meter.wait(rate, much_later), None);
            meter.pass(rate, much_later);
        }
        assert!(meter.wait(rate, much_later).is_some(), "a pause gives no more than one period's worth");
    }

    #[test]
    fn a_day_begins_anew() {
        let mut meter = Meter::default();
        meter.count(7);
        meter.count(7);
        assert_eq!((meter.used(7), meter.used(8)), (2, 0));
        meter.count(8);
        assert_eq!((meter.used(7), meter.used(8)), (0, 1));
        assert_eq!((day_of(-1), day_of(0), day_begins(DAY + 5)), (-1, 0, DAY));
    }
}
