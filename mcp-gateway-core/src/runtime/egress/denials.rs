//! Refusals of one server, told without flooding whoever listens.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::runtime::{EgressDenial, EgressWatch};

/// How many different refusals are told apart at a time.
const MAX_KINDS: usize = 128;

/// How long the same refusal is counted before it is told again.
const QUIET: Duration = Duration::from_secs(60);

/// The name under which refusals stand that are too many to be told apart.
const OTHERS: &str = "other hosts";

/// The longest text that is repeated.
const MAX_TEXT: usize = 256;

/// Tells of refusals, each kind at most once in a minute.
#[derive(Debug)]
pub(super) struct Denials {
    watch: Arc<dyn EgressWatch>,
    kinds: Mutex<HashMap<Key, Kind>>,
}

/// Host, port and reason.
type Key = (String, Option<u16>, Cow<'static, str>);

#[derive(Debug)]
struct Kind {
    told: Instant,
    /// How often since then.
    more: u64,
}

impl Denials {
    pub(super) fn new(watch: Arc<dyn EgressWatch>) -> Self {
        Self { watch, kinds: Mutex::default() }
    }

    /// Takes a refusal.
    pub(super) fn add(&self, host: &str, port: Option<u16>, reason: impl Into<Cow<'static, str>>) {
        if let Some(denial) = self.count(clean(host), port, reason.into(), Instant::now()) {
            self.watch.denied(&denial);
        }
    }

    fn count(&self, host: String, port: Option<u16>, reason: Cow<'static, str>, now: Instant) -> Option<EgressDenial> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (host, port, reason);
        if kinds.len() >= MAX_KINDS && !kinds.contains_key(&key) {
            kinds.retain(|_, kind| now.duration_since(kind.told) < QUIET);
            if kinds.len() >= MAX_KINDS {
                key = (OTHERS.to_owned(), None, key.2);
            }
        }
        let count = match kinds.get_mut(&key) {
            Some(kind) if now.duration_since(kind.told) < QUIET => {
                kind.more += 1;
                return None;
            }
            Some(kind) => {
                kind.told = now;
                std::mem::take(&mut kind.more) + 1
            }
            None => {
                kinds.insert(key.clone(), Kind { told: now, more: 0 });
                1
            }
        };
        let (host, port, reason) = key;
        Some(EgressDenial { host, port, reason: reason.into_owned(), count })
    }
}

/// What a server said, as a short text on one line.
fn clean(text: &str) -> String {
    text.chars().take(MAX_TEXT).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::LoggedEgress;

    #[test]
    fn a_server_that_tries_again_and_again_is_told_of_once_in_a_minute() {
        let denials = Denials::new(Arc::new(LoggedEgress));
        let start = Instant::now();
        let count = |host: &str, after| denials.count(clean(host), Some(443), "no".into(), start + after);
        assert_eq!(count("a", Duration::ZERO).unwrap().count, 1);
        for _ in 0..5 {
            assert_eq!(count("a", QUIET / 2), None);
        }
        let again = count("a", QUIET).unwrap();
        assert_eq!((again.count, again.to_string().as_str()), (6, "a:443 (no)"));
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let denials = Denials::new(Arc::new(LoggedEgress));
        let start = Instant::now();
        let told = (0..10_000).filter_map(|n| denials.count(format!("h{n}"), None, "no".into(), start)).count();
        assert_eq!(told, MAX_KINDS + 1);
        assert_eq!(clean("a\nb\u{1b}[1m"), "a?b?[1m");
    }
}
