//! What a server tried to reach and may not, told to whoever listens.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A server tried to reach what it may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EgressDenial {
    /// The host, as the server named it.
    pub host: String,
    /// The port; none where only a name was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// Why it may not.
    pub reason: String,
    /// How often since this was told last; a server that tries again and again is told of once in a minute.
    pub count: u64,
}

impl EgressDenial {
    /// Host and port, as far as they are known.
    pub fn place(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }
}

impl fmt::Display for EgressDenial {
    /// As a line for a log: `evil.example:443 (not in the list of hosts)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.place(), self.reason)
    }
}

/// Hears of what servers tried to reach and may not.
pub trait EgressWatch: fmt::Debug + Send + Sync + 'static {
    /// Takes a refusal; must not wait.
    fn denied(&self, denial: &EgressDenial);
}

/// Hears of refusals and writes them to the log only.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LoggedEgress;

impl EgressWatch for LoggedEgress {
    fn denied(&self, denial: &EgressDenial) {
        tracing::warn!(%denial, "a server tried to reach what it may not");
    }
}
