//! Embeddable, governed access to every MCP server.
//!
//! A host holds one [`gateway::Gateway`] per profile: one set of servers, one scope of secrets, one policy, one audit
//! trail. Every request goes through [`Gateway::dispatch`](gateway::Gateway::dispatch); servers start on first use, in
//! containers or as sandboxed processes, and stop when they are idle.
//!
//! ```
//! use std::sync::Arc;
//!
//! use mcp_gateway_core::catalog::{FileCatalog, LoadOptions};
//! use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayExt};
//! use mcp_gateway_core::model::{CallContext, ProfileName, ServerName};
//! use mcp_gateway_core::profile::{MemoryProfile, ProfileSpec, ServerSpec};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> mcp_gateway_core::Result<()> {
//! let text = "registry: {time: {title: Time, type: server, image: mcp/time}}";
//! let catalog = FileCatalog::parse("catalog.yaml", text, LoadOptions::new())?.catalog;
//! let spec = ProfileSpec::new(ProfileName::new("dev")?).with_server(ServerName::new("time")?, ServerSpec::default());
//! let gateway = GatewayBuilder::new()
//!     .with_catalog(Arc::new(catalog))
//!     .with_profile(Arc::new(MemoryProfile::new(spec)))
//!     // .with_runtime(…): without one, the server is listed with the reason why it cannot run
//!     .build()
//!     .await?;
//! assert!(gateway.list_tools(&CallContext::local()).await?.is_empty());
//! assert!(gateway.servers().await[0].reason.is_some());
//! gateway.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | module | what it is about | feature |
//! |---|---|---|
//! | [`gateway`] | the value that a host holds, its builder, sugar over the one funnel | |
//! | [`catalog`] | where servers are described, in Docker's catalog format | |
//! | [`profile`] | which servers, with which configuration, policy and pins | |
//! | [`secrets`] | who holds secrets, and which of them a server receives | `secrets-age`, `secrets-command` |
//! | [`policy`], [`approval`] | what may happen, and whom to ask | |
//! | [`verify`] | whether an image is the one that was meant | |
//! | [`audit`], [`telemetry`] | what happened, and how often | `audit-sqlite` |
//! | [`runtime`] | what starts servers: containers, processes, remote addresses | `runtime-docker`, `runtime-process`, `runtime-remote` |
//! | [`transport`] | byte streams and HTTP, to servers and to clients | `transport-stdio`, `transport-http`, `transport-sse` |
//! | [`protocol`], [`model`], [`error`], [`util`] | what all of them speak of | |
//!
//! Each of the traits has an implementation in memory. Without default features there is no container engine, no TLS and
//! no database in the dependency tree. The repository's `examples/` has whole programs.

pub mod approval;
pub mod audit;
pub mod catalog;
#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod gateway;
pub mod model;
pub mod policy;
pub mod profile;
pub mod protocol;
pub mod runtime;
pub mod secrets;
pub mod telemetry;
pub mod transport;
pub mod util;
pub mod verify;

pub use error::{Error, ErrorKind, Fault, Result, Retry};

/// The version of this crate, of the Python module and of the npm package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The code in the README compiles.
#[cfg(all(doctest, feature = "runtime-docker"))]
#[doc = include_str!("../../README.md")]
struct Readme;
