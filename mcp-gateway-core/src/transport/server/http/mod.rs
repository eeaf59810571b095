#![doc = include_str!("docs.md")]

mod batch;
mod body;
mod bound;
mod builder;
mod config;
mod connections;
mod event_log;
mod face;
mod guard;
mod log_link;
mod message;
#[cfg(feature = "transport-oauth")]
mod oauth;
mod pages;
mod principals;
mod session;
mod sessions;
#[cfg(feature = "transport-sse")]
mod sse;
mod stall;
mod stateless;
mod stream;
mod streamable;
mod tls;
mod token;
mod typed;

pub use bound::BoundHttpServer;
pub use builder::{HttpServer, HttpServerBuilder};
pub use config::{HttpServerConfig, TlsFiles};
#[cfg(feature = "transport-oauth")]
pub use oauth::{OAuthIssuer, OAuthResource};
pub(crate) use pages::{Page, PageServer, Pages};
pub use token::generate_token;
