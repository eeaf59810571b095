//! Puts the parts of a gateway together from flags, profile and home: small functions over the builders of core.

mod catalog;
mod gateway;
mod profile;
mod runtime;
mod store;
mod toolkit;

pub(crate) use catalog::{catalog, check_servers, lasting, no_such_server, not_in_catalog};
pub(crate) use gateway::{Open, Shared, close, gateway, gateway_of, inspect, overview};
pub(crate) use profile::{DEFAULT_PROFILE, profile_or_empty, profile_to_change, profiles};
pub(crate) use runtime::{answering_runtimes, instances};
pub(crate) use store::{audit_trail, secrets};
