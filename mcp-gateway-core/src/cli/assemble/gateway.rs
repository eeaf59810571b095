//! One gateway for one profile.

use std::sync::Arc;
use std::time::Duration;

use super::runtime::{instance, runtimes};
use super::{catalog, profile, store};
use crate::cli::args::{CatalogArgs, GatewayArgs, ProfileArgs, SecretArgs, SelectionArgs, SettingArgs};
use crate::cli::progress::StderrProgress;
use crate::cli::{Env, report};
use crate::error::Result;
use crate::gateway::{Gateway as _, GatewayBuilder, Inspection, McpGateway};
use crate::model::{ProfileName, ServerName};
use crate::profile::Profile;
use crate::runtime::GatewayInstance;
use crate::telemetry::Metrics;

/// How long the servers of a gateway may take to stop.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// A gateway and the profile that it is.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) gateway: McpGateway,
    pub(crate) profile: Arc<dyn Profile>,
}

/// What several gateways of one process have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) instance: Arc<GatewayInstance>,
    pub(crate) metrics: Metrics,
}

impl Shared {
    /// Registers this process as a living gateway.
    pub(crate) fn register(env: &Env) -> Result<Self> {
        Ok(Self { instance: instance(env)?, metrics: Metrics::new() })
    }
}

/// The gateway of a process that has one.
pub(crate) async fn gateway(env: &Env, args: &GatewayArgs) -> Result<Open> {
    gateway_of(env, args, &Shared::register(env)?).await
}

/// One of the gateways of a process.
pub(crate) async fn gateway_of(env: &Env, args: &GatewayArgs, shared: &Shared) -> Result<Open> {
    let run = profile::profile(env, &args.profile, &args.selection, &args.settings).await?;
    let spec = run.spec().await?;
    if spec.servers.is_empty() {
        report::warning(format_args!("profile `{}` has no servers", args.profile.profile));
        report::hint("add one with `mcp-gateway server add NAME`, or name some with `--servers`");
    }
    let profile: Arc<dyn Profile> = Arc::new(run);
    let mut builder = GatewayBuilder::new()
        .with_profile(Arc::clone(&profile))
        .with_secrets(store::secrets(env, &args.selection.secrets)?)
        .with_audit(store::audit(env, &args.profile.profile)?)
        .with_metrics(shared.metrics.clone())
        .with_progress(Arc::new(StderrProgress::new()))
        .with_instance(Arc::clone(&shared.instance));
    if !spec.servers.is_empty() {
        builder = builder.with_catalog(catalog::catalog(env, &args.selection.catalog, &spec.catalogs).await?);
    }
    for runtime in runtimes(env, &shared.instance, &args.settings)? {
        builder = builder.with_runtime(runtime);
    }
    Ok(Open { gateway: builder.build().await?, profile })
}

/// Stops everything that a gateway has started, within a bound.
pub(crate) async fn close(gateway: &McpGateway) {
    if tokio::time::timeout(SHUTDOWN, gateway.shutdown()).await.is_err() {
        report::warning("servers did not stop in time; `mcp-gateway prune` removes what is left behind");
    }
}

/// A gateway that starts nothing: for what its profile, catalogs and records say.
pub(crate) async fn overview(env: &Env, name: &ProfileName, catalog: &CatalogArgs) -> Result<McpGateway> {
    let args = ProfileArgs { profile: name.clone() };
    let selection = SelectionArgs::default();
    let run = profile::profile(env, &args, &selection, &SettingArgs::default()).await?;
    let spec = run.spec().await?;
    let mut builder = GatewayBuilder::new().with_profile(Arc::new(run));
    if !spec.servers.is_empty() {
        builder = builder.with_catalog(catalog::catalog(env, catalog, &spec.catalogs).await?);
    }
    builder.build().await
}

/// What a server of a profile would get; one that the profile does not have, as if it were added.
pub(crate) async fn inspect(
    env: &Env,
    name: &ProfileName,
    catalog: &CatalogArgs,
    secrets: &SecretArgs,
    server: &ServerName,
) -> Result<Inspection> {
    let args = ProfileArgs { profile: name.clone() };
    let run = profile::profile(env, &args, &SelectionArgs::default(), &SettingArgs::default()).await?;
    let of_profile = run.spec().await?.catalogs;
    catalog::check_servers(env, catalog, &of_profile, std::slice::from_ref(server)).await?;
    run.update(Box::new(|spec| {
        spec.servers.entry(server.clone()).or_default();
        Ok(())
    }))
    .await?;
    let instance = instance(env)?;
    let mut builder = GatewayBuilder::new()
        .with_profile(Arc::new(run))
        .with_catalog(catalog::catalog(env, catalog, &of_profile).await?)
        .with_secrets(store::secrets(env, secrets)?)
        .with_instance(Arc::clone(&instance));
    for runtime in runtimes(env, &instance, &SettingArgs::default())? {
        builder = builder.with_runtime(runtime);
    }
    let gateway = builder.build().await?;
    let inspection = gateway.inspect(server).await;
    close(&gateway).await;
    inspection
}
