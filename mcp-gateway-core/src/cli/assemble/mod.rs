//! From flags to gateways and catalogs: small functions over the home of core.

mod catalog;
mod gateway;

pub(crate) use catalog::{catalog, check_scope, check_servers, lasting, no_such_server, not_in_catalog, sources};
pub(crate) use gateway::{Shared, close, gateway, gateway_of, idle, inspect, overview, recorded};
