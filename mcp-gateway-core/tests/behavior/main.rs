//! One behaviour suite for each trait, run on every implementation.
#![expect(clippy::unwrap_used, reason = "a check fails by panicking, also outside of a test function")]

mod catalog;
mod profile;
