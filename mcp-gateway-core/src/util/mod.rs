//! Small tools that every room uses: clock, files, patterns, environment, child commands.

pub mod clock;
#[cfg(feature = "secrets-command")]
pub(crate) mod command;
pub mod env_vars;
pub mod fs;
#[cfg(feature = "__http-client")]
pub(crate) mod http;
pub mod pattern;
pub mod pause;
#[cfg(all(unix, any(feature = "runtime-process", feature = "transport-stdio")))]
pub(crate) mod pipe;
pub mod random;
#[cfg(feature = "gateway-home")]
pub mod threads;
#[cfg(feature = "__tls")]
pub(crate) mod tls;
