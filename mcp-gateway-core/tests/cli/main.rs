//! The binary as people and programs use it: exit code, standard output and standard error of whole commands.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a check fails by panicking, also outside of a test function"
)]

mod audit;
mod catalog;
mod command;
mod gateway;
mod plugin;
mod profile;
mod secret;
mod server;
mod support;
mod tools;
