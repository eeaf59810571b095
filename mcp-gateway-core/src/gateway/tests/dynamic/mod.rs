//! Agents that find, add and call servers by themselves.

mod bench;
#[cfg(feature = "transport-http")]
mod browser;
mod changes;
mod governed;
mod paths;
mod profiles;
#[cfg(feature = "transport-http")]
mod secret_page;
mod sessions;
