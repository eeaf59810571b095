//! What can run the server on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::model::{CallContext, ImageReference};
use mcp_gateway_core::runtime::{ContainerPlan, DockerRuntime, GatewayInstance, LaunchTarget, Runtime};
use mcp_gateway_core::{Error, ErrorKind, Result};

/// The image that the catalog names; `make images` builds it, and it is in no registry.
const IMAGE: &str = "mcp-gateway-test/base:1";

/// How long an engine may take to say whether it has the image.
const PATIENCE: Duration = Duration::from_secs(3);

/// The runtimes that are worth a try, the best first, each with the reason why the one before it is not.
pub(crate) struct Choice {
    pub(crate) runtimes: Vec<Arc<dyn Runtime>>,
    pub(crate) notes: Vec<String>,
}

/// Looks what this machine has; `only` leaves out every other runtime.
pub(crate) async fn choose(state: &Path, instance: &Arc<GatewayInstance>, only: Option<&str>) -> Result<Choice> {
    let mut choice = Choice { runtimes: Vec::new(), notes: Vec::new() };
    let wanted = |name| only.is_none_or(|only| only == name);
    if wanted("docker") {
        match docker(Arc::clone(instance)).await {
            Ok(runtime) => choice.runtimes.push(Arc::new(runtime)),
            Err(error) => choice.notes.push(format!("no container: {error}")),
        }
    }
    if wanted("process") {
        match process(state, Arc::clone(instance)) {
            Ok(runtime) => choice.runtimes.push(runtime),
            Err(error) => choice.notes.push(format!("no sandboxed process: {error}")),
        }
    }
    Ok(choice)
}

/// Containers, where the engine has an image that this program runs in; nothing is pulled.
async fn docker(instance: Arc<GatewayInstance>) -> Result<DockerRuntime> {
    let runtime = DockerRuntime::builder(instance).build()?;
    runtime.check().await?;
    let target = LaunchTarget::Container(ContainerPlan::new(ImageReference::parse(IMAGE)?));
    let ctx = CallContext::local().with_timeout(PATIENCE);
    let found = ctx.bounded(PATIENCE, runtime.identify(&ctx, &target)).await;
    // An image that was built on this machine has no digest of a registry; any other is not ours.
    match found {
        Ok(identity) if identity.digest.is_none() => Ok(runtime),
        _ => {
            Err(Error::new(ErrorKind::NotFound, format!("the engine has no image `{IMAGE}` (`make images` builds it)")))
        }
    }
}

#[cfg(target_os = "linux")]
fn process(state: &Path, instance: Arc<GatewayInstance>) -> Result<Arc<dyn Runtime>> {
    use mcp_gateway_core::runtime::{ProcessRuntime, ProcessRuntimeConfig};

    let config = ProcessRuntimeConfig::new(state.join("process"));
    Ok(Arc::new(ProcessRuntime::new(config, Some(instance))?))
}

#[cfg(not(target_os = "linux"))]
fn process(_state: &Path, _instance: Arc<GatewayInstance>) -> Result<Arc<dyn Runtime>> {
    Err(Error::new(ErrorKind::Unsupported, "processes can be sandboxed on Linux only"))
}
