//! Small tools that every room uses: clock, files, patterns, environment, child commands.

#[cfg(any(feature = "__http-client", feature = "runtime-process"))]
pub(crate) mod address;
pub mod clock;
#[cfg(feature = "secrets-command")]
pub(crate) mod command;
#[cfg(any(feature = "audit-sqlite", feature = "__oci"))]
pub(crate) mod ed25519;
pub mod env_vars;
pub mod fs;
#[cfg(feature = "__http-client")]
pub(crate) mod http;
pub(crate) mod mac;
#[cfg(feature = "__oci")]
pub(crate) mod oci;
pub mod pattern;
pub mod pause;
pub mod random;
#[cfg(feature = "gateway-home")]
pub(crate) mod replace;
#[cfg(feature = "gateway-home")]
pub mod threads;
#[cfg(feature = "__tls")]
pub(crate) mod tls;
