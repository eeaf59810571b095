//! One gateway for one profile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::catalog::{sources, warn};
use crate::catalog::VectorCache;
use crate::cli::args::{
    CatalogArgs, DynamicArgs, EmbedderArgs, GatewayArgs, ProfileArgs, SecretArgs, SelectionArgs, SettingArgs,
};
use crate::cli::progress::StderrProgress;
use crate::cli::{Env, report};
use crate::error::{ErrorKind, Result};
use crate::gateway::home::{
    AuditSource, DefaultSettings, OpenOptions, OpenParts, Opened, ProfileSource, RuntimeName, open,
};
use crate::gateway::{Gateway as _, GatewayBuilder, Inspection, McpGateway};
use crate::model::{ProfileName, ServerName};
use crate::profile::ServerSpec;
use crate::runtime::GatewayInstance;
use crate::telemetry::Metrics;

/// How long the servers of a gateway may take to stop.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// What several gateways of one process have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) instance: Arc<GatewayInstance>,
    pub(crate) metrics: Metrics,
    /// One model is read once.
    vectors: OnceCell<Option<Arc<VectorCache>>>,
}

impl Shared {
    /// Registers this process as a living gateway.
    pub(crate) fn register(env: &Env) -> Result<Self> {
        Ok(Self { instance: env.home.register()?, metrics: Metrics::new(), vectors: OnceCell::new() })
    }
}

/// The gateway of a process that has one.
pub(crate) async fn gateway(env: &Env, args: &GatewayArgs) -> Result<Opened> {
    gateway_of(env, args, &Shared::register(env)?).await
}

/// One of the gateways of a process.
pub(crate) async fn gateway_of(env: &Env, args: &GatewayArgs, shared: &Shared) -> Result<Opened> {
    let mut parts = parts(shared);
    parts.progress = Some(Arc::new(StderrProgress::new()));
    let folder = args.finding.embedder.as_deref();
    parts.vectors.clone_from(shared.vectors.get_or_try_init(|| env.home.vectors(folder)).await?);
    let opened = open(options(env, args), parts).await?;
    warn(&opened.warnings);
    let spec = opened.profile.spec().await?;
    if spec.servers.is_empty() && !spec.dynamic.enabled {
        report::warning(format_args!("profile `{}` has no servers", args.profile.profile));
        report::hint(
            "add one with `mcp-gateway server add NAME`, name some with `--servers`, or let agents add them with `--dynamic`",
        );
    }
    Ok(opened)
}

fn parts(shared: &Shared) -> OpenParts {
    OpenParts {
        instance: Some(Arc::clone(&shared.instance)),
        metrics: Some(shared.metrics.clone()),
        ..OpenParts::default()
    }
}

/// What flags say, in the form that every way to open a gateway shares.
fn options(env: &Env, args: &GatewayArgs) -> OpenOptions {
    let (selection, settings) = (args.selection.clone(), &args.settings);
    OpenOptions {
        home: Some(env.home.root().to_owned()),
        profile: Some(ProfileSource::Named(args.profile.profile.clone())),
        catalogs: sources(&selection.catalog),
        servers: some(selection.servers),
        tools: some(selection.tools),
        registry: selection.registry,
        config: selection.config,
        tools_config: selection.tools_config,
        secrets: selection.secrets.stores,
        // A server that is elsewhere needs nothing of this machine, so it can always be reached.
        runtimes: settings.runtime.map(|only| vec![only.into(), RuntimeName::Remote]),
        require_isolation: settings.require_isolation,
        dynamic: args.dynamic.dynamic,
        lean: args.dynamic.lean,
        secret_page: args.dynamic.secret_page,
        docker: env.docker.clone(),
        defaults: DefaultSettings {
            isolation: settings.isolation.map(Into::into),
            idle: settings.idle.clone(),
            memory: settings.memory.clone(),
            cpus: settings.cpus,
            network: settings.network.map(Into::into),
        },
        ..OpenOptions::default()
    }
}

/// What a flag lists; a flag that was not given lists nothing.
fn some<T>(listed: Vec<T>) -> Option<Vec<T>> {
    if listed.is_empty() { None } else { Some(listed) }
}

/// Stops everything that a gateway has started, within a bound.
pub(crate) async fn close(gateway: &McpGateway) {
    if tokio::time::timeout(SHUTDOWN, gateway.shutdown()).await.is_err() {
        report::warning("servers did not stop in time; `mcp-gateway prune` removes what is left behind");
    }
}

/// A gateway that starts nothing: for what its profile, catalogs and records say.
pub(crate) async fn overview(env: &Env, name: &ProfileName, catalog: &CatalogArgs) -> Result<McpGateway> {
    over(env, name, catalog, GatewayBuilder::new()).await
}

/// As [`overview`], over what was recorded of the profile's requests; nothing is added to that.
pub(crate) async fn recorded(env: &Env, name: &ProfileName, catalog: &CatalogArgs) -> Result<McpGateway> {
    over(env, name, catalog, GatewayBuilder::new().with_audit(env.home.audit_trail(name)?)).await
}

async fn over(env: &Env, name: &ProfileName, catalog: &CatalogArgs, mut builder: GatewayBuilder) -> Result<McpGateway> {
    let spec = env.home.profile_or_empty(name).await?;
    if !spec.servers.is_empty() {
        builder = builder.with_catalog(super::catalog(env, catalog, &spec.catalogs).await?);
    }
    builder.with_profile(env.home.recorded_profile(name).await?).build().await
}

/// A gateway that is asked about its servers and gets no requests.
pub(crate) async fn idle(
    env: &Env,
    name: &ProfileName,
    catalog: &CatalogArgs,
    secrets: &SecretArgs,
    audit: Option<AuditSource>,
) -> Result<McpGateway> {
    let selection = SelectionArgs { catalog: catalog.clone(), secrets: secrets.clone(), ..SelectionArgs::default() };
    let args = GatewayArgs {
        profile: ProfileArgs { profile: name.clone() },
        selection,
        settings: SettingArgs::default(),
        dynamic: DynamicArgs::default(),
        finding: EmbedderArgs::default(),
    };
    let mut options = options(env, &args);
    options.audit = audit;
    let opened = open(options, parts(&Shared::register(env)?)).await?;
    warn(&opened.warnings);
    Ok(opened.gateway)
}

/// What a server of a profile would get; one that the profile does not have, as if it were added.
pub(crate) async fn inspect(
    env: &Env,
    name: &ProfileName,
    catalog: &CatalogArgs,
    secrets: &SecretArgs,
    server: &ServerName,
) -> Result<Inspection> {
    let of_profile = env.home.profile_or_empty(name).await?.catalogs;
    super::check_servers(env, catalog, &of_profile, std::slice::from_ref(server)).await?;
    let gateway = idle(env, name, catalog, secrets, Some(AuditSource::Memory)).await?;
    let inspection = match gateway.add_server(server, ServerSpec::default()).await {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => gateway.inspect(server).await,
    };
    close(&gateway).await;
    inspection
}
