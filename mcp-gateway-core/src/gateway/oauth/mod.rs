//! Tokens for remote servers that ask for one: the gateway as an OAuth client.
#![doc = include_str!("docs.md")]

mod api;
mod challenge;
mod client;
mod credential;
mod discovery;
mod engine;
mod fetch;
mod flow;
mod metadata;
mod pkce;
mod request;
mod settings;
mod tokens;

pub use api::{OAuthBegun, OAuthRequest, OAuthState, OAuthStatus};
pub(crate) use engine::OAuth;

/// What the texts of other servers may hold when an error shows them.
const MAX_WORD: usize = 120;

/// A word of another server, fit to be shown: short, and without what could steer a terminal or look like a command.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && c != '`' || c == ' ' { c } else { '?' };
    text.chars().take(MAX_WORD).map(plain).collect()
}

/// The scopes of both, each once, in their order.
fn union(one: &[String], other: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for scope in one.iter().chain(other) {
        if !all.contains(scope) {
            all.push(scope.clone());
        }
    }
    all
}

/// The scopes of a list with spaces between; what cannot be a scope is left out.
fn scopes(text: &str) -> Vec<String> {
    let is_scope = |scope: &&str| scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    let words: Vec<String> =
        text.split(' ').filter(|word| !word.is_empty()).filter(is_scope).map(str::to_owned).collect();
    union(&words, &[])
}

#[cfg(test)]
mod tests;
