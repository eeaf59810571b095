//! The seal of states that clients send back, as the fuzz targets reach it.

use super::seal::{Opened, Seal};

/// Makes and opens states with a key of the caller's.
#[derive(Debug)]
pub struct StateSeal(Seal);

/// What a state turned out to be.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenedState {
    /// The seal made it, and its time is not up.
    Handle([u8; 16]),
    /// It looks like one of the gateway's and is none, or its time is up.
    Invalid,
    /// A server made it.
    Foreign,
}

impl StateSeal {
    /// A seal with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Seal::with_key(key))
    }

    /// The state for a waiting call, good until `expires`.
    pub fn close(&self, handle: &[u8; 16], expires: u64) -> String {
        self.0.close(handle, expires)
    }

    /// Finds out what a state is.
    pub fn open(&self, state: &str, now: u64) -> OpenedState {
        match self.0.open(state, now) {
            Opened::Handle(handle) => OpenedState::Handle(handle),
            Opened::Invalid => OpenedState::Invalid,
            Opened::Foreign => OpenedState::Foreign,
        }
    }
}
