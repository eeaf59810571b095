//! One gateway of a home.

use std::sync::Arc;
use std::time::Duration;

use super::options::{AuditSource, OpenOptions, seconds};
use super::profile::run_profile;
use super::trail::record_opened;
use super::{Home, runtimes};
use crate::approval::{Approver, HostApprover};
use crate::audit::{AuditStore, HostAudit};
use crate::catalog::{Catalog, HostCatalog, LayeredCatalog, SourcedCatalog, VectorCache};
use crate::error::Result;
use crate::gateway::{Client, GatewayBuilder, HostClient, McpGateway};
use crate::model::{HostCaller, HostObject};
use crate::policy::{HostPolicy, Policy};
use crate::profile::Profile;
use crate::runtime::{GatewayInstance, PrepareProgress, Runtime};
use crate::secrets::{HostBroker, SecretBroker};
use crate::telemetry::Metrics;

/// How long an object of the host's language may take.
const HOST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a person may take.
const APPROVAL_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// How long the host's client may take: a person may have to think, or a model to write.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Parts of a gateway that are values, not settings; each takes the place of what the options and the home say.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct OpenParts {
    /// Servers of the host's own, before those of every other catalog.
    pub catalog: Option<Arc<dyn Catalog>>,
    /// Who holds the secrets, before the stores of the options; the home's own store is then not asked.
    pub secrets: Option<Arc<dyn SecretBroker>>,
    /// Who decides, instead of the profile's rules.
    pub policy: Option<Arc<dyn Policy>>,
    /// Whom to ask.
    pub approver: Option<Arc<dyn Approver>>,
    /// Who answers what servers ask of the host's own sessions.
    pub client: Option<Arc<dyn Client>>,
    /// Where records go.
    pub audit: Option<Arc<dyn AuditStore>>,
    /// The model of meaning and its vectors, instead of the one that the options name.
    pub vectors: Option<Arc<VectorCache>>,
    /// Who hears of pulls and installations.
    pub progress: Option<Arc<dyn PrepareProgress>>,
    /// Counters to share with other gateways.
    pub metrics: Option<Metrics>,
    /// The living gateway that owns what is started, where several of one process share it.
    pub instance: Option<Arc<GatewayInstance>>,
    /// What starts servers beside the runtimes of the options.
    pub runtimes: Vec<Arc<dyn Runtime>>,
}

impl OpenParts {
    /// Puts an object of the host's language into the part that it is for: `catalog`, `secrets`, `policy`, `approver`,
    /// `client` or `audit`; says whether there is such a part.
    ///
    /// # Errors
    /// `InvalidInput` when the object lacks a method that its part needs.
    pub fn set_host(&mut self, part: &str, object: Arc<dyn HostObject>, options: &OpenOptions) -> Result<bool> {
        let timeout = seconds("hostTimeoutSeconds", options.host_timeout_seconds, HOST_TIMEOUT)?;
        let caller = |object| HostCaller::new(object, timeout);
        match part {
            "catalog" => self.catalog = Some(Arc::new(HostCatalog::new(caller(object))?)),
            "secrets" => self.secrets = Some(Arc::new(HostBroker::new(caller(object))?)),
            "policy" => self.policy = Some(Arc::new(HostPolicy::new(caller(object))?)),
            "audit" => self.audit = Some(Arc::new(HostAudit::new(caller(object))?)),
            "approver" => {
                let timeout = seconds("approvalTimeoutSeconds", options.approval_timeout_seconds, APPROVAL_TIMEOUT)?;
                self.approver = Some(Arc::new(HostApprover::new(HostCaller::new(object, timeout))?));
            }
            "client" => {
                let timeout = seconds("clientTimeoutSeconds", options.client_timeout_seconds, CLIENT_TIMEOUT)?;
                self.client = Some(Arc::new(HostClient::new(HostCaller::new(object, timeout))?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A gateway and what a person should know about how it was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The gateway.
    pub gateway: McpGateway,
    /// The profile that it is: what it says is this run's alone, what is recorded is kept.
    pub profile: Arc<dyn Profile>,
    /// What is odd: catalog entries that were left out.
    pub warnings: Vec<String>,
}

/// Opens a gateway; no server is started. What the profile says is not changed by what it does later; what is found out
/// about servers is recorded in the profile's lock.
///
/// # Errors
/// `NotFound` for a profile that the home does not have; `InvalidConfig` when a file is broken, or there are servers and
/// no catalog; whatever a store says that cannot be opened.
pub async fn open(options: OpenOptions, parts: OpenParts) -> Result<Opened> {
    let home = match &options.home {
        Some(root) => Home::at(root)?,
        None => Home::locate()?,
    };
    let profile: Arc<dyn Profile> = Arc::new(run_profile(&home, &options, parts.catalog.is_some()).await?);
    let spec = profile.spec().await?;
    let mut builder = GatewayBuilder::new().with_profile(Arc::clone(&profile)).with_options(options.bounds.options()?);
    let may_be_none = spec.servers.is_empty() || parts.catalog.is_some();
    let mut looked = home.look_up(&options.catalogs, &spec.catalogs, may_be_none).await?;
    looked.layers.extend(parts.catalog.map(|catalog| -> Arc<dyn Catalog> {
        let source = format!("host:{}", catalog.name());
        Arc::new(SourcedCatalog::new(catalog, source))
    }));
    builder = builder.with_catalog(Arc::new(LayeredCatalog::new(looked.layers))).with_scope(home.scope()?);
    builder = builder.with_profiles(Arc::new(home.profiles()));
    builder = builder.with_secrets(match parts.secrets {
        Some(host) => home.secrets_after(host, &options.secrets)?,
        None => home.secrets(&options.secrets)?,
    });
    builder = builder.with_audit(match parts.audit {
        Some(audit) => audit,
        None => {
            let audit = home.audit_of(&spec, options.audit.as_ref())?;
            // What ends with the gateway has nothing to compare with.
            if options.audit != Some(AuditSource::Memory) {
                record_opened(&home, &options, audit.as_ref(), profile.name()).await?;
            }
            audit
        }
    });
    let vectors = match parts.vectors {
        Some(vectors) => Some(vectors),
        None => home.vectors(options.embedder.as_deref()).await?,
    };
    if let Some(vectors) = vectors {
        builder = builder.with_vectors(vectors);
    }
    if let Some(policy) = parts.policy {
        builder = builder.with_policy(policy);
    }
    if let Some(approver) = parts.approver {
        builder = builder.with_approver(approver);
    }
    if let Some(client) = parts.client {
        builder = builder.with_client(client);
    }
    if let Some(progress) = parts.progress {
        builder = builder.with_progress(progress);
    }
    if let Some(metrics) = parts.metrics {
        builder = builder.with_metrics(metrics);
    }
    let instance = match parts.instance {
        Some(instance) => instance,
        None => home.register()?,
    };
    builder = builder.with_approvals(home.approvals_of(&instance).await?);
    for runtime in runtimes::of(&home, &instance, &options)?.into_iter().chain(parts.runtimes) {
        builder = builder.with_runtime(runtime);
    }
    let gateway = builder.with_instance(instance).build().await?;
    Ok(Opened { gateway, profile, warnings: looked.warnings })
}
