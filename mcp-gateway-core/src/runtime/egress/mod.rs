//! Egress: how a server with a list of hosts reaches these and no others.
//!
//! The server has no network. Each host of its list has a loopback address of its own where the server runs; what
//! connects there is carried through a unix socket to the gateway, to the *door* of this server. The door believes nothing
//! that comes through: it looks the host up in the list, resolves the name itself, refuses addresses that are not of the
//! public internet, keeps to what it resolved, and compares the name in TLS or the `Host` of HTTP with the host.
//!
//! Nothing here knows of containers or processes.

mod carry;
mod denials;
mod dial;
mod door;
#[cfg(feature = "runtime-docker")]
mod folder;
mod greeting;
mod head;
mod hello;
mod hosts;
#[cfg_attr(not(feature = "egress-injection"), path = "inject_missing.rs")]
mod inject;
pub(crate) mod inside;
#[cfg(feature = "egress-injection")]
mod near;
mod proxy;
#[cfg(feature = "runtime-docker")]
pub(crate) mod shim;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
#[cfg(feature = "runtime-docker")]
mod tests;

#[cfg(feature = "runtime-process")]
pub(crate) use carry::Traffic;
pub(crate) use dial::{Resolve, SystemResolver};
pub(crate) use door::{Door, DoorPlan, Listener};
#[cfg(feature = "runtime-docker")]
pub(crate) use folder::{Folder, sweep};
pub(crate) use hosts::HostList;
pub(crate) use inject::Injection;
