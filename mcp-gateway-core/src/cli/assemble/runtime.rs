//! What starts servers.

use std::sync::Arc;

use crate::cli::Env;
use crate::cli::args::{RuntimeArg, SettingArgs};
use crate::error::Result;
use crate::runtime::{
    DockerRuntime, DockerRuntimeConfig, GatewayInstance, InstanceStatus, ProcessRuntime, ProcessRuntimeConfig,
    RemoteRuntime, Runtime,
};

/// The runtimes of a gateway; making one asks no engine for anything.
pub(crate) fn runtimes(
    env: &Env,
    instance: &Arc<GatewayInstance>,
    settings: &SettingArgs,
) -> Result<Vec<Arc<dyn Runtime>>> {
    let mut runtimes: Vec<Arc<dyn Runtime>> = Vec::new();
    if settings.runtime != Some(RuntimeArg::Process) {
        runtimes.push(Arc::new(docker(env)?));
    }
    if settings.runtime != Some(RuntimeArg::Docker) {
        runtimes.push(Arc::new(process(env, instance, settings)?));
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
fn docker(env: &Env) -> Result<DockerRuntime> {
    let mut config = DockerRuntimeConfig::default();
    config.host.clone_from(&env.docker.host);
    config.context.clone_from(&env.docker.context);
    config.config_folder = env.docker.config.as_ref().map(Into::into);
    config.protected.push(env.home.root().to_owned());
    DockerRuntime::new(config)
}

fn process(env: &Env, instance: &Arc<GatewayInstance>, settings: &SettingArgs) -> Result<ProcessRuntime> {
    let mut config = ProcessRuntimeConfig::new(env.home.packages());
    config.require_isolation = settings.require_isolation;
    ProcessRuntime::new(config, Some(Arc::clone(instance)))
}
