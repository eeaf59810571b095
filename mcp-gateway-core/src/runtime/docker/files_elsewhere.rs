//! Systems on which containers run in a virtual machine, which cannot be shown a file in memory.

use bollard::models::ContainerCreateBody;

use super::answer::Facts;
use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{GatewayInstance, LaunchPlan};

/// There are none.
#[derive(Debug)]
pub(super) enum Files {}

impl Files {
    /// Refuses a plan that needs files.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(super) fn open(
        plan: &LaunchPlan,
        _instance: &GatewayInstance,
        _endpoint: &Endpoint,
        _facts: Option<&Facts>,
    ) -> Result<Option<Self>> {
        if plan.files.is_empty() {
            return Ok(None);
        }
        let message =
            "the server cannot be given its secrets in files: containers run in a virtual machine on this system";
        Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("`delivery: env` in the profile gives them in the environment, which `docker inspect` shows"))
    }

    pub(super) fn furnish(&self, _body: &mut ContainerCreateBody, _plan: &LaunchPlan) -> Result<()> {
        match *self {}
    }
}

pub(super) fn sweep(_instance: &GatewayInstance) {}
