//! What one server may use of the machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Bounds on one running server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Limits {
    /// Memory in bytes; swap is not added. Default 2 GiB.
    pub memory_bytes: u64,
    /// Processor time as a number of cores. Default 1.
    pub cpus: f64,
    /// Processes and threads. Default 256.
    pub pids: u32,
    /// How long one call may take. Default 60 s.
    #[serde(rename = "callTimeoutSeconds", with = "seconds")]
    pub call_timeout: Duration,
    /// How long the server may take to start and answer the handshake. Default 60 s.
    #[serde(rename = "startTimeoutSeconds", with = "seconds")]
    pub start_timeout: Duration,
    /// The largest message that is accepted from the server, in bytes. Default 16 MiB.
    pub max_message_bytes: usize,
}

/// Durations as numbers of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(de::Error::custom)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 * 1024 * 1024 * 1024,
            cpus: 1.0,
            pids: 256,
            call_timeout: Duration::from_secs(60),
            start_timeout: Duration::from_secs(60),
            max_message_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Sets the memory bound, in bytes.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets the processor bound, in cores.
    #[must_use]
    pub fn with_cpus(mut self, cpus: f64) -> Self {
        self.cpus = cpus;
        self
    }

    /// Sets the bound on processes and threads.
    #[must_use]
    pub fn with_pids(mut self, pids: u32) -> Self {
        self.pids = pids;
        self
    }

    /// Sets how long one call may take.
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Sets how long a start may take.
    #[must_use]
    pub fn with_start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Sets the largest message, in bytes.
    #[must_use]
    pub fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }
}

/// Reads an amount of memory as Docker writes it: `512m`, `2g`, `2Gb`, `1073741824`; units are powers of 1024.
///
/// # Errors
/// `InvalidInput` when it is not a positive amount.
pub fn parse_memory(text: &str) -> Result<u64> {
    let wrong = || {
        Error::new(ErrorKind::InvalidInput, format!("`{text}` is not an amount of memory"))
            .with_hint("write bytes or a number with a unit, such as `512m` or `2g`")
    };
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" | "ki" | "kib" => 1 << 10,
        "m" | "mb" | "mi" | "mib" => 1 << 20,
        "g" | "gb" | "gi" | "gib" => 1 << 30,
        "t" | "tb" | "ti" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let bytes = number * factor as f64;
    if !bytes.is_finite() || bytes < 1.0 || bytes > u64::MAX as f64 {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_docker_writes_it() {
        assert_eq!(parse_memory("512m").unwrap(), 512 << 20);
        assert_eq!(parse_memory("2Gb").unwrap(), 2 << 30);
        assert_eq!(parse_memory("1.5g").unwrap(), 3 << 29);
        assert_eq!(parse_memory("1000").unwrap(), 1000);
        for bad in ["", "-1g", "g", "2x", "0"] {
            assert!(parse_memory(bad).is_err(), "{bad}");
        }
    }
}
