#![doc = include_str!("docs.md")]

mod answer;
mod builder;
mod client;
mod config;
mod credentials;
mod dial;
mod endpoint;
mod error;
#[cfg_attr(not(target_os = "linux"), path = "exit_elsewhere.rs")]
mod exit;
mod facts;
#[cfg_attr(not(target_os = "linux"), path = "files_elsewhere.rs")]
mod files;
mod frames;
mod http;
mod image;
mod keeper;
mod labels;
mod launch;
mod listing;
mod mounts;
mod once;
mod removal;
mod spec;
mod start;
mod table;

#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{
    ContainerPlan, GatewayInstance, Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, PrepareProgress,
    RunningServer, Runtime, RuntimeCapability,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, InstanceId, RegistryLogin, is_package_volume};
use answer::Facts;
pub use builder::DockerRuntimeBuilder;
use client::Engine;
pub use config::DockerRuntimeConfig;
use credentials::CredentialStore;
use error::{EngineError, unavailable};
use exit::Exits;
use image::Images;
use launch::uninterrupted;
use table::Table;

/// Runs servers in containers of Docker or Podman.
///
/// # Behavior
/// - No client program is called and no helper runs beside a container: one connection per server.
/// - Each request to the engine has a deadline and a connection of its own, so an engine that went away and came back is
///   simply used again.
/// - A container goes when its connection is dropped, when its start is given up, and when its gateway is found dead.
///
/// # Examples
/// ```no_run
/// use std::sync::Arc;
///
/// use mcp_gateway_core::runtime::{DockerRuntime, GatewayInstance, Runtime};
///
/// # async fn example() -> mcp_gateway_core::Result<()> {
/// let instance = Arc::new(GatewayInstance::register(std::path::Path::new("/var/lib/my-agent/run"))?);
/// let runtime = DockerRuntime::builder(instance).build()?;
/// runtime.check().await?;
/// for removed in runtime.sweep().await? {
///     println!("removed {removed}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DockerRuntime {
    config: DockerRuntimeConfig,
    instance: Arc<GatewayInstance>,
    home: String,
    protected: Vec<PathBuf>,
    engine: Engine,
    credentials: CredentialStore,
    table: Arc<Table>,
    facts: Mutex<Option<Facts>>,
    exits: Exits,
}

impl DockerRuntime {
    /// Begins a runtime whose containers belong to a gateway.
    pub fn builder(instance: Arc<GatewayInstance>) -> DockerRuntimeBuilder {
        DockerRuntimeBuilder::new(instance)
    }

    fn images(&self) -> Images<'_> {
        Images { engine: &self.engine, credentials: &self.credentials, pull_timeout: self.config.pull_timeout }
    }

    /// What the engine said of itself when it was last checked.
    fn facts(&self) -> Option<Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, cause: EngineError, message: &'static str) -> Error {
        let kind = match &cause {
            EngineError::Refused { status: 404, .. } => ErrorKind::NotFound,
            EngineError::Refused { status: 409, .. } => ErrorKind::Conflict,
            _ => ErrorKind::RuntimeUnavailable,
        };
        cause.into_error(kind, message, self.engine.endpoint())
    }

    /// Removes a container of this home that another gateway or an earlier run started.
    async fn stop_foreign(&self, id: &InstanceId) -> Result<()> {
        let failed = |cause| self.failed(cause, "the engine could not stop the server");
        // The label keeps containers that are none of ours out of reach.
        let found = self.engine.list(&listing::home_filter(&self.home), Some(id.as_str())).await.map_err(failed)?;
        for container in found {
            // An engine that cannot freeze or thaw says so by the removal.
            let _ = self.engine.unpause(&container.id).await;
            self.engine.remove(&container.id).await.map_err(failed)?;
        }
        Ok(())
    }
}

fn container(target: &LaunchTarget) -> Result<&ContainerPlan> {
    match target {
        LaunchTarget::Container(plan) => Ok(plan),
        _ => Err(Error::new(ErrorKind::Unsupported, "the docker runtime runs containers only")),
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn capability(&self) -> RuntimeCapability {
        let facts = self.facts();
        facts::capability(facts.as_ref(), exit::missing(self.engine.endpoint(), facts.as_ref()))
    }

    async fn check(&self) -> Result<()> {
        let engine = self.engine.within(self.config.check_timeout);
        let failed = |cause| self.failed(cause, "the container engine refuses to answer");
        engine.ping().await.map_err(failed).map_err(|error| error.with_operation("DockerRuntime::check"))?;
        // An engine that answers but says nothing of itself can be used; what it enforces is then not claimed.
        let facts = engine.facts().await.ok();
        if facts.as_ref().is_some_and(|facts| facts.os_type == "windows") {
            return Err(unavailable("the container engine runs containers of Windows only", self.engine.endpoint())
                .with_operation("DockerRuntime::check"));
        }
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = facts;
        Ok(())
    }

    async fn identify(&self, ctx: &CallContext, target: &LaunchTarget) -> Result<Identity> {
        let image = &container(target)?.image;
        ctx.bounded(self.config.pull_timeout, self.images().identify(image))
            .await
            .map_err(|error| error.with_operation("DockerRuntime::identify"))
    }

    async fn registry_login(&self, image: &ImageReference) -> Result<Option<RegistryLogin>> {
        let found = self.credentials.login(image).await;
        found.map_err(|error| error.with_operation("DockerRuntime::registry_login"))
    }

    async fn prepare(
        &self,
        ctx: &CallContext,
        target: &LaunchTarget,
        identity: &Identity,
        progress: Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        let image = &container(target)?.image;
        let images = self.images();
        // A pull that goes on may take as long as it takes; one that stands still is ended by its own bound.
        ctx.bounded(std::time::Duration::MAX, images.prepare(image, identity, &progress))
            .await
            .map_err(|error| error.with_operation("DockerRuntime::prepare"))
    }

    async fn start(&self, ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer> {
        let (limit, server) = (plan.limits.start_timeout, plan.owner.server.clone());
        let started = async {
            let start = self.start_of(plan)?;
            ctx.bounded(limit, uninterrupted(|abandoned| start.run(abandoned))).await
        };
        started.await.map_err(|error| error.with_operation("DockerRuntime::start").with_context("server", server))
    }

    async fn run_once(&self, ctx: &CallContext, mut plan: LaunchPlan) -> Result<OneShotOutput> {
        let (limits, server) = (plan.limits, plan.owner.server.clone());
        let ran = async {
            let launch = self.launch_of(&mut plan, false)?;
            let run = uninterrupted(|abandoned| once::run(launch, limits.max_message_bytes, abandoned));
            ctx.bounded(limits.call_timeout, run).await
        };
        ran.await.map_err(|error| error.with_operation("DockerRuntime::run_once").with_context("server", server))
    }

    async fn stop(&self, id: &InstanceId) -> Result<()> {
        let stopped = async {
            let Some(held) = self.table.get(id) else {
                return self.stop_foreign(id).await;
            };
            held.stop.cancel();
            let limit = self.config.stop_grace.saturating_mul(2).saturating_add(self.config.request_timeout);
            tokio::time::timeout(limit, held.gone.cancelled())
                .await
                .map_err(|_| unavailable("the container engine did not remove the server", self.engine.endpoint()))
        };
        stopped.await.map_err(|error| error.with_operation("DockerRuntime::stop").with_context("instance", id))
    }

    async fn pause(&self, id: &InstanceId) -> Result<()> {
        self.engine.pause(id.as_str()).await.map_err(|cause| {
            self.failed(cause, "the engine could not pause the server")
                .with_operation("DockerRuntime::pause")
                .with_context("instance", id)
        })?;
        if let Some(held) = self.table.get(id) {
            held.set_paused(true);
        }
        Ok(())
    }

    async fn unpause(&self, id: &InstanceId) -> Result<()> {
        self.engine.unpause(id.as_str()).await.map_err(|cause| {
            self.failed(cause, "the engine could not let the server go on")
                .with_operation("DockerRuntime::unpause")
                .with_context("instance", id)
        })?;
        if let Some(held) = self.table.get(id) {
            held.set_paused(false);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<InstanceStatus>> {
        let listed = self.engine.list(&listing::home_filter(&self.home), None).await;
        let listed = listed.map_err(|cause| {
            self.failed(cause, "the engine could not list the servers").with_operation("DockerRuntime::list")
        })?;
        let mut statuses = listing::statuses(&self.engine, self.name(), listed).await;
        self.table.fill(&mut statuses);
        Ok(statuses)
    }

    async fn discard(&self, image: &str) -> Result<bool> {
        if is_package_volume(image) {
            return match self.engine.remove_volume(image).await {
                Ok(()) => Ok(true),
                Err(EngineError::Refused { status: 404 | 409, .. }) => Ok(false),
                Err(cause) => Err(self
                    .failed(cause, "the engine could not remove the volume of a package")
                    .with_context("volume", image)
                    .with_operation("DockerRuntime::discard")),
            };
        }
        self.images().discard(image).await.map_err(|error| error.with_operation("DockerRuntime::discard"))
    }

    async fn sweep(&self) -> Result<Vec<InstanceId>> {
        exit::sweep(&self.instance);
        files::sweep(&self.instance);
        let listed = self.engine.list(&listing::home_filter(&self.home), None).await;
        let listed = listed.map_err(|cause| {
            self.failed(cause, "the engine could not list the servers").with_operation("DockerRuntime::sweep")
        })?;
        Ok(listing::sweep(&self.engine, self.instance.id(), self.instance.folder(), listed).await)
    }
}
