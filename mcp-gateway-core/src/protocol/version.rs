//! Protocol versions.

use std::fmt;

/// A revision of the session era: a connection begins with `initialize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05: HTTP+SSE.
    V20241105,
    /// 2025-03-26: streamable HTTP, batches, audio, annotations.
    V20250326,
    /// 2025-06-18: structured content, elicitation, no batches.
    V20250618,
    /// 2025-11-25: the newest with a handshake.
    V20251125,
}

impl ProtocolVersion {
    /// The newest version with a handshake.
    pub const LATEST: Self = Self::V20251125;

    /// Every version, oldest first.
    pub const ALL: [Self; 4] = [Self::V20241105, Self::V20250326, Self::V20250618, Self::V20251125];

    /// The version's date.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V20241105 => "2024-11-05",
            Self::V20250326 => "2025-03-26",
            Self::V20250618 => "2025-06-18",
            Self::V20251125 => "2025-11-25",
        }
    }

    /// The version with this date.
    pub fn from_date(date: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == date)
    }

    /// What a server answers to a client that asks for `requested`: the same if it is known, else the newest.
    pub fn negotiate(requested: &str) -> Self {
        Self::from_date(requested).unwrap_or(Self::LATEST)
    }

    /// Whether a client may send several messages as one array.
    pub const fn has_batches(self) -> bool {
        matches!(self, Self::V20250326)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
