#![doc = include_str!("docs.md")]

mod tracked;

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, PrepareProgress, RemotePlan, RunningServer,
    Runtime, RuntimeCapability,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, InstanceId, RegistryLogin, RemoteTransport};
use crate::transport::client::{Connection, Diagnostics, HttpConfig, connect_http, connect_sse};
use crate::util::random;
use tracked::Connections;

/// Connects to servers that run elsewhere.
///
/// # Behavior
/// - `start` of a streamable HTTP server sends nothing yet; `start` of an HTTP+SSE server opens its stream.
/// - `list` names the connections of this value only: nothing of them outlives this process.
/// - Nothing can be paused, run once or swept.
///
/// # Examples
/// ```
/// use mcp_gateway_core::runtime::{RemoteRuntime, Runtime};
///
/// let runtime = RemoteRuntime::new();
/// assert!(!runtime.capability().network_isolation);
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RemoteRuntime {
    connections: Arc<Connections>,
}

impl RemoteRuntime {
    /// A runtime without connections.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Runtime for RemoteRuntime {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn capability(&self) -> RuntimeCapability {
        RuntimeCapability {
            notes: vec![
                "remote servers run elsewhere: no limit and no isolation of theirs is enforced here".to_owned(),
                "what a remote server is cannot be pinned: its operator can change it at any time".to_owned(),
            ],
            ..RuntimeCapability::default()
        }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn identify(&self, _ctx: &CallContext, target: &LaunchTarget) -> Result<Identity> {
        remote(target)
            .and_then(|plan| config(plan).address_label())
            .map(Identity::new)
            .map_err(|error| error.with_operation("RemoteRuntime::identify"))
    }

    async fn registry_login(&self, _image: &ImageReference) -> Result<Option<RegistryLogin>> {
        Ok(None)
    }

    async fn prepare(
        &self,
        _ctx: &CallContext,
        target: &LaunchTarget,
        _identity: &Identity,
        _progress: Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        remote(target).map(|_| ())
    }

    async fn start(&self, ctx: &CallContext, plan: LaunchPlan) -> Result<RunningServer> {
        let (label, connection) = connect(ctx, &plan)
            .await
            .map_err(|error| error.with_operation("RemoteRuntime::start").with_context("server", &plan.owner.server))?;
        let id = InstanceId::new(format!("remote-{}", random::hex(6)?))?;
        let status = InstanceStatus::new(id.clone(), self.name(), plan.owner, label);
        Ok(RunningServer::new(id, self.connections.track(status, connection)))
    }

    async fn run_once(&self, _ctx: &CallContext, _plan: LaunchPlan) -> Result<OneShotOutput> {
        Err(unsupported("remote servers have no one-shot tools", "RemoteRuntime::run_once"))
    }

    async fn stop(&self, id: &InstanceId) -> Result<()> {
        self.connections.close(id).await;
        Ok(())
    }

    async fn pause(&self, _id: &InstanceId) -> Result<()> {
        Err(unsupported("a remote server cannot be paused", "RemoteRuntime::pause"))
    }

    async fn unpause(&self, _id: &InstanceId) -> Result<()> {
        Err(unsupported("a remote server cannot be paused", "RemoteRuntime::unpause"))
    }

    async fn list(&self) -> Result<Vec<InstanceStatus>> {
        Ok(self.connections.list())
    }

    async fn discard(&self, _image: &str) -> Result<bool> {
        Ok(false)
    }

    async fn sweep(&self) -> Result<Vec<InstanceId>> {
        Ok(Vec::new())
    }
}

/// Connects within the start's time; gives the address as it may be shown, too.
async fn connect(ctx: &CallContext, plan: &LaunchPlan) -> Result<(String, Connection)> {
    let remote = remote(&plan.target)?;
    let config = config(remote).with_max_message_bytes(plan.limits.max_message_bytes);
    let secrets = plan.secrets.iter().chain(remote.headers.iter().map(|(_, value)| value));
    let diagnostics = Arc::new(Diagnostics::new(secrets.cloned().collect()));
    let label = diagnostics.redact(&config.address_label()?);
    let connecting = async {
        match remote.transport {
            RemoteTransport::StreamableHttp => connect_http(config, diagnostics),
            RemoteTransport::Sse => connect_sse(config, diagnostics).await,
        }
    };
    let connection = ctx.bounded(plan.limits.start_timeout, connecting).await?;
    Ok((label, connection))
}

fn remote(target: &LaunchTarget) -> Result<&RemotePlan> {
    match target {
        LaunchTarget::Remote(plan) => Ok(plan),
        _ => Err(Error::new(ErrorKind::Unsupported, "the remote runtime connects to servers that run elsewhere only")),
    }
}

fn config(plan: &RemotePlan) -> HttpConfig {
    let mut config = HttpConfig::new(&plan.url).with_allow_private(plan.allow_private);
    config.authorization.clone_from(&plan.authorization);
    plan.headers.iter().fold(config, |config, (name, value)| config.with_header(name, value.clone()))
}

fn unsupported(why: &'static str, operation: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, why).with_operation(operation)
}

#[cfg(test)]
mod tests;
