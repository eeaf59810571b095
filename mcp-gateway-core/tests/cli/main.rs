//! The binary as people and programs use it: exit code, standard output and standard error of whole commands.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "tests look at files and environment as users would")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a check fails by panicking and a skip says why, also outside of a test function"
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
