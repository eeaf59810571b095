//! Systems on which containers run in a virtual machine, where no list of hosts can be kept.

use bollard::models::{ContainerCreateBody, ImageInspect};

use super::answer::Facts;
use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::model::NetworkRule;
use crate::runtime::{GatewayInstance, LaunchPlan};

const WHY: &str = "containers run in a virtual machine on this system";

/// Makes no exits.
#[derive(Debug, Default)]
pub(super) struct Exits;

/// There is none.
#[derive(Debug)]
pub(super) enum Exit {}

impl Exits {
    /// Refuses a plan that needs an exit.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(super) fn open(
        &self,
        plan: &mut LaunchPlan,
        _instance: &GatewayInstance,
        _endpoint: &Endpoint,
        _facts: Option<&Facts>,
    ) -> Result<Option<Exit>> {
        if !matches!(plan.network, NetworkRule::Listed(_)) {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::Unsupported, format!("the server cannot be kept to its list of hosts: {WHY}"))
            .with_hint("`network: none` cuts the server off, `network: open` lets it reach everything"))
    }
}

pub(super) fn missing(_endpoint: &Endpoint, _facts: Option<&Facts>) -> Option<&'static str> {
    Some(WHY)
}

pub(super) fn sweep(_instance: &GatewayInstance) {}

impl Exit {
    pub(super) fn furnish(&self, _body: &mut ContainerCreateBody) -> Result<()> {
        match *self {}
    }

    pub(super) fn bytes(&self) -> (u64, u64) {
        match *self {}
    }

    pub(super) fn enter(&self, _body: &mut ContainerCreateBody, _image: ImageInspect) -> Result<()> {
        match *self {}
    }
}
