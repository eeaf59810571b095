//! How much may flow: rates, numbers at once, daily budgets and sizes of results.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parse_duration;
use crate::error::{Error, ErrorKind, Result};
use crate::model::parse_memory;

/// One bound on what flows through a gateway.
///
/// # Behavior
/// - It counts what reaches a server: calls, prompts, reads, subscriptions and completions; not lists and looks at tasks.
/// - Every quota that fits a request holds, whatever the order.
/// - What it counts apart is what it names: with `server` each server that fits, with `principal` each principal that
///   fits, with both each pair, with neither the profile as a whole.
///
/// ```yaml
/// quotas:
///   - {server: github, rate: 60/1m, concurrency: 4, maxResult: 256k}
///   - {principal: "ci-*", daily: 500}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QuotaSpec {
    /// A glob over the names of servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// A glob over the names of principals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// How many requests in how much time, such as `60/1m`; as many may come at once after a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// How many requests may be under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How many requests there may be in one day of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<u64>,
    /// The largest result, such as `256k`; of one that is larger, the caller is told so in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_result: Option<String>,
}

impl QuotaSpec {
    /// The rate, read.
    ///
    /// # Errors
    /// `InvalidInput` when it is none.
    pub fn rate(&self) -> Result<Option<Rate>> {
        self.rate.as_deref().map(Rate::parse).transpose()
    }

    /// The largest result in bytes.
    ///
    /// # Errors
    /// `InvalidInput` when it is no amount.
    pub fn max_result_bytes(&self) -> Result<Option<u64>> {
        self.max_result.as_deref().map(parse_memory).transpose()
    }
}

/// So many in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub period: Duration,
}

impl Rate {
    /// Reads such as `60/1m` or `5/s`.
    ///
    /// # Errors
    /// `InvalidInput` when it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a rate"))
                .with_hint("write a number, `/` and a time, such as `60/1m` or `5/1s`")
        };
        let (count, period) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
        let period = period.trim();
        let unit = period.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| format!("1{period}"));
        let period = parse_duration(unit.as_deref().unwrap_or(period)).map_err(|_| wrong())?;
        if period.is_zero() {
            return Err(wrong());
        }
        Ok(Self { count, period })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_number_in_a_time() {
        let rate = |text| Rate::parse(text).map(|rate| (rate.count, rate.period.as_millis()));
        assert_eq!(rate("60/1m").unwrap(), (60, 60_000));
        assert_eq!(rate("5/s").unwrap(), (5, 1_000));
        assert_eq!(rate(" 3 / 500ms ").unwrap(), (3, 500));
        for bad in ["", "60", "0/1m", "-1/1m", "1/0s", "1/", "/1m", "1/1", "x/1m"] {
            assert_eq!(rate(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
