//! The native half of the npm package `mcp-gateway`: each file here puts JavaScript's clothes on the core's module of
//! that name. `index.js` re-exports what is public.

pub mod audit;
pub mod cli;
pub mod error;
pub mod gateway;
pub mod model;
pub mod secrets;
pub mod transport;
mod util;

use napi_derive::napi;

/// The version of the gateway, the same for the Rust crate, the Python module and this package.
#[napi]
pub const VERSION: &str = mcp_gateway_core::VERSION;
