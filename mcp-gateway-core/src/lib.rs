//! Embeddable, governed access to every MCP server.

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
