//! The binary as people and programs use it: exit code, standard output and standard error of whole commands.

#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "checks look at files as others leave them, fail by panicking, and say why they were left out"
)]

mod approvals;
mod asking;
mod audit;
mod catalog;
mod catalogs;
mod clients;
mod command;
mod gateway;
mod oauth;
#[path = "../servers/oauth.rs"]
#[expect(dead_code, reason = "the core's own tests need more of it")]
mod oauth_servers;
mod plugin;
mod policy;
mod profile;
mod registries;
mod scope;
mod secret;
mod server;
mod signed;
mod support;
mod team;
mod tools;
