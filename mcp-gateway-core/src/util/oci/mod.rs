//! A small client for what registries hold: artifacts, and what is found beside images.

mod artifact;
mod auth;
mod manifest;
mod repository;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use artifact::{Artifact, Layer};
pub(crate) use auth::Login;
pub(crate) use manifest::Descriptor;
pub(crate) use repository::{Repository, digest_of};
