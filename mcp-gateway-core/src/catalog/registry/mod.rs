//! Registries of MCP servers: `server.json`, and the API that lists it.
//!
//! [`RegistrySource`] visits a registry and makes a catalog of it; what is known between two visits is a [`RegistryState`].
//! [`from_server_json`] reads one `server.json`. `docs/registry.md` says what becomes of each of its keys.

mod convert;
mod document;
mod draft;
mod images;
mod name;
mod package;
mod remote;
mod source;
mod state;
#[cfg(test)]
mod tests;

pub use convert::from_server_json;
pub use images::PackageImages;
pub use source::RegistrySource;
#[cfg(feature = "__oci")]
pub(in crate::catalog) use source::{OFFICIAL, address};
pub use state::{RegistryState, Synced};
