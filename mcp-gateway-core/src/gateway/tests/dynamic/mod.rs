//! Agents that find, add and call servers by themselves.

mod bench;
mod changes;
mod governed;
mod paths;
mod profiles;
mod sessions;
