//! Clients over HTTP: streamable HTTP at `/mcp`, HTTP+SSE at `/sse`, `/health` and `/metrics`.

mod builder;
mod connections;
mod event_log;
mod guard;
mod log_link;
mod message;
mod sessions;
#[cfg(feature = "transport-sse")]
mod sse;
mod streamable;
mod tls;
mod token;

pub use builder::{BoundHttpServer, HttpServer, HttpServerBuilder, HttpServerConfig, TlsFiles};
pub use token::generate_token;
