//! Bytes to messages and back, on both sides of the gateway.

pub mod client;
pub mod lines;
pub mod server;

mod pending;

pub use pending::PendingRequests;
