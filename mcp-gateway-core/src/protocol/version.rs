//! Protocol versions.

use std::fmt;

/// A revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05: HTTP+SSE.
    V20241105,
    /// 2025-03-26: streamable HTTP, batches, audio, annotations.
    V20250326,
    /// 2025-06-18: structured content, elicitation, no batches.
    V20250618,
    /// 2025-11-25: the newest with a handshake; icons, elicitation by URL, tasks.
    V20251125,
    /// 2026-07-28: no handshake, no session, no requests from servers.
    V20260728,
}

/// The two ways in which client and server relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Era {
    /// A connection begins with `initialize` and is a session; servers may send requests.
    Session,
    /// Every request stands alone and says itself who sends it; servers ask by `input_required`.
    Stateless,
}

impl ProtocolVersion {
    /// The newest version with a handshake.
    pub const LATEST_WITH_HANDSHAKE: Self = Self::V20251125;

    /// The newest version without one.
    pub const LATEST: Self = Self::V20260728;

    /// Every version, oldest first.
    pub const ALL: [Self; 5] = [Self::V20241105, Self::V20250326, Self::V20250618, Self::V20251125, Self::V20260728];

    /// The version's date.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V20241105 => "2024-11-05",
            Self::V20250326 => "2025-03-26",
            Self::V20250618 => "2025-06-18",
            Self::V20251125 => "2025-11-25",
            Self::V20260728 => "2026-07-28",
        }
    }

    /// The version with this date.
    pub fn from_date(date: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == date)
    }

    /// The era that the version belongs to.
    pub const fn era(self) -> Era {
        match self {
            Self::V20241105 | Self::V20250326 | Self::V20250618 | Self::V20251125 => Era::Session,
            Self::V20260728 => Era::Stateless,
        }
    }

    /// What a server answers to `initialize` that asks for `requested`: the same if it has a handshake, else the newest
    /// that has.
    pub fn negotiate(requested: &str) -> Self {
        Self::from_date(requested)
            .filter(|version| version.era() == Era::Session)
            .unwrap_or(Self::LATEST_WITH_HANDSHAKE)
    }

    /// The newest version of the stateless era that a server's list names.
    pub fn newest_stateless<'a>(dates: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        dates.into_iter().filter_map(Self::from_date).filter(|version| version.era() == Era::Stateless).max()
    }

    /// The dates of every version that is served, newest first.
    pub fn dates() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().rev().map(Self::as_str)
    }

    /// Whether a client may send several messages as one array.
    pub const fn has_batches(self) -> bool {
        matches!(self, Self::V20250326)
    }

    /// Whether a URL elicitation carries an id by which its end is told.
    pub const fn has_elicitation_ids(self) -> bool {
        matches!(self, Self::V20251125)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_never_settles_on_a_version_without_one() {
        assert_eq!(ProtocolVersion::negotiate("2025-06-18"), ProtocolVersion::V20250618);
        for unknown in ["2026-07-28", "2099-01-01", ""] {
            assert_eq!(ProtocolVersion::negotiate(unknown), ProtocolVersion::LATEST_WITH_HANDSHAKE);
        }
    }

    #[test]
    fn the_newest_stateless_version_is_found_among_unknown_ones() {
        let newest = ProtocolVersion::newest_stateless(["2099-01-01", "2026-07-28", "2025-11-25"]);
        assert_eq!(newest, Some(ProtocolVersion::V20260728));
        assert_eq!(ProtocolVersion::newest_stateless(["2025-11-25"]), None);
    }
}
