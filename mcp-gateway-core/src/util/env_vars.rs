//! The process environment, read in one place; it is never written.

/// The value of an environment variable, if it is set, not empty and valid Unicode.
#[expect(clippy::disallowed_methods, reason = "the one reader of the process environment")]
pub fn get(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
