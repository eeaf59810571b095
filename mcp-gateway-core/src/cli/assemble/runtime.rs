//! What starts servers.

use std::sync::Arc;

use crate::cli::Env;
use crate::cli::args::{RuntimeArg, SettingArgs};
use crate::error::Result;
#[cfg(not(target_os = "linux"))]
use crate::error::{Error, ErrorKind};
use crate::runtime::{DockerRuntime, GatewayInstance, InstanceStatus, RemoteRuntime, Runtime};
#[cfg(target_os = "linux")]
use crate::runtime::{ProcessRuntime, ProcessRuntimeConfig};

/// The runtimes of a gateway; making one asks no engine for anything.
///
/// # Errors
/// As the runtime that the settings demand; one that they do not is left out with a warning.
pub(crate) fn runtimes(
    env: &Env,
    instance: &Arc<GatewayInstance>,
    settings: &SettingArgs,
) -> Result<Vec<Arc<dyn Runtime>>> {
    let mut runtimes: Vec<Arc<dyn Runtime>> = Vec::new();
    for wanted in [RuntimeArg::Docker, RuntimeArg::Process] {
        if settings.runtime.is_some_and(|only| only != wanted) {
            continue;
        }
        let made = match wanted {
            RuntimeArg::Docker => docker(env, instance),
            RuntimeArg::Process => process(env, instance, settings),
        };
        match made {
            Ok(runtime) => runtimes.push(runtime),
            Err(error) if settings.runtime.is_some() => return Err(error),
            Err(error) => tracing::warn!(error = %error.report(), "servers cannot be started in every way"),
        }
    }
    runtimes.push(Arc::new(RemoteRuntime::new()));
    Ok(runtimes)
}

/// The servers that run, of every gateway of this home.
pub(crate) async fn instances(env: &Env) -> Result<Vec<InstanceStatus>> {
    let mut all = Vec::new();
    for runtime in answering_runtimes(env).await? {
        all.extend(runtime.list().await?);
    }
    Ok(all)
}

/// The runtimes that answer; an engine that nobody uses need not be there.
pub(crate) async fn answering_runtimes(env: &Env) -> Result<Vec<Arc<dyn Runtime>>> {
    let mut answering = Vec::new();
    for runtime in runtimes(env, &instance(env)?, &SettingArgs::default())? {
        match runtime.check().await {
            Ok(()) => answering.push(runtime),
            Err(error) => tracing::info!(runtime = runtime.name(), error = %error.report(), "runtime does not answer"),
        }
    }
    Ok(answering)
}

/// This process as a living gateway: without one, a runtime cannot tell what others that live have started.
pub(super) fn instance(env: &Env) -> Result<Arc<GatewayInstance>> {
    GatewayInstance::register(&env.home.run()).map(Arc::new)
}

/// The engine that `docker` would use.
fn docker(env: &Env, instance: &Arc<GatewayInstance>) -> Result<Arc<dyn Runtime>> {
    let mut builder = DockerRuntime::builder(Arc::clone(instance)).with_protected(env.home.root());
    if let Some(host) = &env.docker.host {
        builder = builder.with_host(host);
    }
    if let Some(context) = &env.docker.context {
        builder = builder.with_context(context);
    }
    if let Some(folder) = &env.docker.config {
        builder = builder.with_config_folder(folder);
    }
    Ok(Arc::new(builder.build()?))
}

/// Sandboxed children of this process.
#[cfg(target_os = "linux")]
fn process(env: &Env, instance: &Arc<GatewayInstance>, settings: &SettingArgs) -> Result<Arc<dyn Runtime>> {
    let mut config = ProcessRuntimeConfig::new(env.home.packages());
    config.require_isolation = settings.require_isolation;
    Ok(Arc::new(ProcessRuntime::new(config, Some(Arc::clone(instance)))?))
}

#[cfg(not(target_os = "linux"))]
fn process(_env: &Env, _instance: &Arc<GatewayInstance>, _settings: &SettingArgs) -> Result<Arc<dyn Runtime>> {
    Err(Error::new(ErrorKind::Unsupported, "processes cannot be isolated on this system"))
}
