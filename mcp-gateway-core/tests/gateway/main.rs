//! The whole gateway over real servers, misbehaving ones first.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a check fails by panicking, reads what others wrote, and says why it is skipped"
)]

mod canary;
mod cases;
mod clients;
mod configuration;
mod containers;
mod delivered;
mod dynamic;
mod engine;
mod failing;
mod hostile;
mod injected;
mod isolation;
mod killed;
mod lists;
mod packages;
mod recorded;
mod show;
mod signed;
mod support;
mod together;
mod turncoat;
mod typed;
