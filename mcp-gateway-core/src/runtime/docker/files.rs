//! Secrets that a container reads from files: shown to it from a file system in memory of this machine.

use std::path::Path;

use bollard::models::ContainerCreateBody;

use super::answer::Facts;
use super::container;
use super::endpoint::Endpoint;
use super::facts::elsewhere;
use super::mounts::shown;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::secret_files::{self, INSIDE, Readers, SecretFiles};
use crate::runtime::{GatewayInstance, LaunchPlan};

/// The files of one container; dropped, their names are gone, and a container that was started keeps what it was shown.
#[derive(Debug)]
pub(super) struct Files(SecretFiles);

impl Files {
    /// The files that a plan needs, if any.
    ///
    /// # Errors
    /// `Unsupported` where a container cannot be shown files in memory, `InvalidConfig` where the plan mounts something in
    /// their place, otherwise as [`SecretFiles::write`].
    pub(super) fn open(
        plan: &LaunchPlan,
        instance: &GatewayInstance,
        endpoint: &Endpoint,
        facts: Option<&Facts>,
    ) -> Result<Option<Self>> {
        if plan.files.is_empty() {
            return Ok(None);
        }
        if let Some(why) = elsewhere(endpoint, facts) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the server cannot be given its secrets in files: {why}"),
            )
            .with_context("engine", endpoint)
            .with_hint("use an engine that runs on this machine, without a virtual machine in between")
            .with_hint("`delivery: env` in the profile gives them in the environment, which `docker inspect` shows"));
        }
        if let Some(mount) = container(&plan.target)?.mounts.iter().find(|mount| is_in_place(&mount.target)) {
            return Err(Error::new(ErrorKind::InvalidConfig, "the server mounts something where its secrets are")
                .with_context("mount", &mount.target)
                .with_hint(format!("mount it elsewhere than at `{INSIDE}`, or set `delivery: env` in the profile")));
        }
        Ok(Some(Self(SecretFiles::write(instance, &plan.files, Readers::Container)?)))
    }

    /// Shows them to a container, and tells it where they are.
    pub(super) fn furnish(&self, body: &mut ContainerCreateBody, plan: &LaunchPlan) -> Result<()> {
        let inside = Path::new(INSIDE);
        let env = body.env.get_or_insert_default();
        env.extend(secret_files::environment(&plan.files, inside).map(|(name, path)| format!("{name}={path}")));
        let mounts = body.host_config.get_or_insert_default().mounts.get_or_insert_default();
        for file in &plan.files {
            // Each by itself and not their folder: a file stays readable after its name is gone, a folder would be empty.
            mounts.push(shown(&self.0.path().join(&file.variable), &format!("{INSIDE}/{}", file.variable))?);
        }
        Ok(())
    }
}

/// Removes the files of gateways that are dead.
pub(super) fn sweep(instance: &GatewayInstance) {
    secret_files::sweep(instance);
}

fn is_in_place(target: &str) -> bool {
    let (target, inside) = (Path::new(target), Path::new(INSIDE));
    inside.starts_with(target) || target.starts_with(inside)
}
