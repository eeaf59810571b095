//! What starts servers.

use std::sync::Arc;
use std::time::Instant;

use super::Home;
use super::options::{DockerOptions, OpenOptions, RuntimeName};
use crate::error::Result;
#[cfg(not(target_os = "linux"))]
use crate::error::{Error, ErrorKind};
use crate::gateway::usage;
use crate::runtime::{DockerRuntime, GatewayInstance, InstanceStatus, RemoteRuntime, Runtime};
#[cfg(target_os = "linux")]
use crate::runtime::{ProcessRuntime, ProcessRuntimeConfig};

/// The runtimes of a gateway; making one asks no engine for anything.
///
/// # Errors
/// As a runtime that the options name; one that they do not is left out with a warning.
pub(super) fn of(home: &Home, instance: &Arc<GatewayInstance>, options: &OpenOptions) -> Result<Vec<Arc<dyn Runtime>>> {
    let named = options.runtimes.as_deref();
    let mut runtimes: Vec<Arc<dyn Runtime>> = Vec::new();
    for wanted in [RuntimeName::Docker, RuntimeName::Process, RuntimeName::Remote] {
        if named.is_some_and(|named| !named.contains(&wanted)) {
            continue;
        }
        let made = match wanted {
            RuntimeName::Docker => docker(home, instance, options),
            RuntimeName::Process => process(home, instance, options),
            RuntimeName::Remote => Ok(Arc::new(RemoteRuntime::new()) as Arc<dyn Runtime>),
        };
        match made {
            Ok(runtime) => runtimes.push(runtime),
            Err(error) if named.is_some() => return Err(error),
            Err(error) => tracing::warn!(error = %error.report(), "servers cannot be started in every way"),
        }
    }
    Ok(runtimes)
}

impl Home {
    /// The servers that run, of every gateway of this home; who used them last, and when, where a trail of the home tells.
    ///
    /// # Errors
    /// `RuntimeUnavailable` when a runtime that answered falls silent.
    pub async fn instances(&self, docker: &DockerOptions) -> Result<Vec<InstanceStatus>> {
        let mut all = listed(&self.answering_runtimes(docker).await?).await?;
        self.fill_last_use(&mut all).await;
        Ok(all)
    }

    /// As [`instances`](Self::instances), with how busy each server is; that takes a second to find out.
    ///
    /// # Errors
    /// As [`instances`](Self::instances).
    pub async fn stats(&self, docker: &DockerOptions) -> Result<Vec<InstanceStatus>> {
        let runtimes = self.answering_runtimes(docker).await?;
        let (before, begun) = (listed(&runtimes).await?, Instant::now());
        tokio::time::sleep(usage::WINDOW).await;
        let mut now = listed(&runtimes).await?;
        usage::fill_cpu_percent(&before, begun.elapsed(), &mut now);
        self.fill_last_use(&mut now).await;
        Ok(now)
    }

    /// A trail that is elsewhere, or cannot be read, tells nothing, and what runs is shown all the same.
    async fn fill_last_use(&self, statuses: &mut [InstanceStatus]) {
        statuses.sort_by(|a, b| a.owner.profile.cmp(&b.owner.profile));
        for of_profile in statuses.chunk_by_mut(|a, b| a.owner.profile == b.owner.profile) {
            let Ok(trail) = self.audit_trail(&of_profile[0].owner.profile) else { continue };
            if let Err(error) = usage::fill_last_use(trail.as_ref(), of_profile).await {
                tracing::info!(error = %error.report(), "who used the running servers is not known");
            }
        }
    }

    /// The runtimes that answer; an engine that nobody uses need not be there.
    ///
    /// # Errors
    /// `Io` when the home cannot be written.
    pub async fn answering_runtimes(&self, docker: &DockerOptions) -> Result<Vec<Arc<dyn Runtime>>> {
        let options = OpenOptions { docker: docker.clone(), ..OpenOptions::default() };
        let mut answering = Vec::new();
        for runtime in of(self, &self.register()?, &options)? {
            match runtime.check().await {
                Ok(()) => answering.push(runtime),
                Err(error) => {
                    tracing::info!(runtime = runtime.name(), error = %error.report(), "runtime does not answer");
                }
            }
        }
        Ok(answering)
    }

    /// This process as a living gateway: without one, a runtime cannot tell what others that live have started.
    ///
    /// # Errors
    /// `Io` when the home cannot be written.
    pub fn register(&self) -> Result<Arc<GatewayInstance>> {
        GatewayInstance::register(&self.run()).map(Arc::new)
    }
}

async fn listed(runtimes: &[Arc<dyn Runtime>]) -> Result<Vec<InstanceStatus>> {
    let mut all = Vec::new();
    for runtime in runtimes {
        all.extend(runtime.list().await?);
    }
    Ok(all)
}

/// The engine that `docker` would use.
pub(super) fn docker(home: &Home, instance: &Arc<GatewayInstance>, options: &OpenOptions) -> Result<Arc<dyn Runtime>> {
    let docker = &options.docker;
    let mut builder = DockerRuntime::builder(Arc::clone(instance)).with_protected(home.root());
    if let Some(host) = &docker.host {
        builder = builder.with_host(host);
    }
    if let Some(context) = &docker.context {
        builder = builder.with_context(context);
    }
    if let Some(folder) = &docker.config {
        builder = builder.with_config_folder(folder);
    }
    Ok(Arc::new(builder.build()?))
}

/// Sandboxed children of this process.
#[cfg(target_os = "linux")]
fn process(home: &Home, instance: &Arc<GatewayInstance>, options: &OpenOptions) -> Result<Arc<dyn Runtime>> {
    let mut config = ProcessRuntimeConfig::new(home.packages());
    config.require_isolation = options.require_isolation;
    Ok(Arc::new(ProcessRuntime::new(config, Some(Arc::clone(instance)))?))
}

#[cfg(not(target_os = "linux"))]
fn process(_home: &Home, _instance: &Arc<GatewayInstance>, _options: &OpenOptions) -> Result<Arc<dyn Runtime>> {
    Err(Error::new(ErrorKind::Unsupported, "processes cannot be isolated on this system"))
}
