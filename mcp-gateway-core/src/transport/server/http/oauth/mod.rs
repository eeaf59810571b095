//! The server as an OAuth 2.1 resource server: tokens of authorization servers that the operator trusts.
//!
//! `config` is what the operator says, `guard` lets requests in by it, `challenge` is what those that stay out are told,
//! `documents` is what clients read before they ask for a token. `jwt` and `claims` take a token apart, `key_set` knows
//! the signatures, `keys` keeps the keys of an issuer, `issuer` fetches them.

mod address;
mod challenge;
mod claims;
mod config;
mod documents;
mod guard;
mod issuer;
mod jwt;
mod key_set;
mod keys;

pub use config::{OAuthIssuer, OAuthResource};
pub(super) use documents::routes;
pub(super) use guard::OAuthGuard;
