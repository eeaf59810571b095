//! Agents that find, add and call servers by themselves.

mod bench;
mod browser;
mod changes;
mod governed;
mod paths;
mod profiles;
mod secret_page;
mod sessions;
