//! Making a gateway.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::approvals::{ApprovalParts, Approvals, Webhook};
use super::cedar::with_cedar;
use super::dynamic::{Dynamic, SavingPolicy, SecretPages};
use super::events::EventBus;
use super::hub::{Hub, HubOptions, HubParts, Slot, Slots};
use super::launch::Launcher;
use super::layers::{AuditLayer, LimitLayer, PolicyLayer, QuotaLayer, Quotas, TelemetryLayer};
use super::redact::{Known, Redaction, Rules};
use super::verified::Findings;
use super::view::AllNames;
use super::{Client, McpGateway};
use crate::approval::{ApprovalQueue, Approver};
use crate::audit::{AuditStore, MemoryAudit};
use crate::catalog::{Catalog, Embedder, MemoryCatalog, Scope, ScopedCatalog, VectorCache};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, check_rules};
use crate::policy::{Policy, RulePolicy};
use crate::profile::{DynamicSpec, MemoryProfile, Profile, ProfileSpec, Profiles, RedactionSpec, VerifySpec};
use crate::runtime::{GatewayInstance, PrepareProgress, Runtime, Silent};
use crate::secrets::{MemoryBroker, SecretBroker};
use crate::telemetry::Metrics;
use crate::util::random;
use crate::verify::Verifier;

/// Bounds and times of a gateway.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// How many servers may be starting at once. Default 4.
    pub start_concurrency: usize,
    /// How long a list waits for servers that were never seen. Default 20 s.
    pub list_wait: Duration,
    /// How long a pull or an installation may take. Default 10 min.
    pub prepare_timeout: Duration,
    /// How many started servers wait for calls, per server that is fresh for each call. Default 2.
    pub pool_size: usize,
    /// How many sessions may be open. Default 1,000.
    pub max_sessions: usize,
    /// How many requests may be under way. Default 1,024.
    pub max_in_flight: usize,
    /// How long a client may take to answer what a server asks: a person may have to think. Default 10 min.
    pub question_timeout: Duration,
    /// How many items one page of a list has. Default 1,000.
    pub page_size: usize,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            start_concurrency: 4,
            list_wait: Duration::from_secs(20),
            prepare_timeout: Duration::from_secs(10 * 60),
            pool_size: 2,
            max_sessions: 1_000,
            max_in_flight: 1_024,
            question_timeout: Duration::from_secs(10 * 60),
            page_size: 1_000,
        }
    }
}

/// Makes a [`McpGateway`] of its parts; every part has an in-memory default.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use mcp_gateway_core::gateway::{Gateway, GatewayBuilder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcp_gateway_core::Result<()> {
/// let gateway = GatewayBuilder::new().build().await?;
/// assert!(gateway.servers().await.is_empty());
/// gateway.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GatewayBuilder {
    profile: Option<Arc<dyn Profile>>,
    catalog: Option<Arc<dyn Catalog>>,
    scope: Scope,
    vectors: Option<Arc<VectorCache>>,
    secrets: Option<Arc<dyn SecretBroker>>,
    policy: Option<Arc<dyn Policy>>,
    approver: Option<Arc<dyn Approver>>,
    approvals: Option<ApprovalQueue>,
    client: Option<Arc<dyn Client>>,
    verifier: Option<Arc<dyn Verifier>>,
    dynamic: Option<DynamicSpec>,
    profiles: Option<Arc<dyn Profiles>>,
    audit: Option<Arc<dyn AuditStore>>,
    metrics: Option<Metrics>,
    progress: Arc<dyn PrepareProgress>,
    instance: Option<Arc<GatewayInstance>>,
    runtimes: Vec<Arc<dyn Runtime>>,
    options: GatewayOptions,
}

impl Default for GatewayBuilder {
    fn default() -> Self {
        Self {
            profile: None,
            catalog: None,
            scope: Scope::new(),
            vectors: None,
            secrets: None,
            policy: None,
            approver: None,
            approvals: None,
            client: None,
            verifier: None,
            dynamic: None,
            profiles: None,
            audit: None,
            metrics: None,
            progress: Arc::new(Silent),
            instance: None,
            runtimes: Vec::new(),
            options: GatewayOptions::default(),
        }
    }
}

impl GatewayBuilder {
    /// A gateway of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The profile: which servers, with which configuration.
    #[must_use]
    pub fn with_profile(mut self, profile: Arc<dyn Profile>) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Where servers are described; layer several with `LayeredCatalog`.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Arc<dyn Catalog>) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// The model by which servers and tools are found by what they mean, beside words; none where it is not said.
    #[must_use]
    pub fn with_embedder(self, embedder: Arc<dyn Embedder>) -> Self {
        self.with_vectors(Arc::new(VectorCache::new(embedder)))
    }

    /// As [`with_embedder`](Self::with_embedder), with vectors that are kept elsewhere too, or shared with other gateways.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Arc<VectorCache>) -> Self {
        self.vectors = Some(vectors);
        self
    }

    /// Which servers of the catalog exist; the profile's own `scope` can only narrow it.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Who holds the secrets; try several with `ChainBroker`.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretBroker>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Who answers what servers ask of the host's own sessions; without one, they cannot ask anything.
    #[must_use]
    pub fn with_client(mut self, client: Arc<dyn Client>) -> Self {
        self.client = Some(client);
        self
    }

    /// Who decides; without one, the rules of the profile do.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Whom to ask for confirmations that are not given at the client: before the queue.
    #[must_use]
    pub fn with_approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = Some(approver);
        self
    }

    /// Where confirmations wait for an operator; without a queue and an approver, what needs an operator is refused.
    #[must_use]
    pub fn with_approvals(mut self, approvals: ApprovalQueue) -> Self {
        self.approvals = Some(approvals);
        self
    }

    /// Who checks images; without one, digests that are written or pinned must match, and signatures that are asked for are
    /// verified, or refused by a build without `verify-sigstore`.
    #[must_use]
    pub fn with_verifier(mut self, verifier: Arc<dyn Verifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Whether agents may find, add and call servers by themselves, whatever the profile says.
    #[must_use]
    pub fn with_dynamic(mut self, dynamic: DynamicSpec) -> Self {
        self.dynamic = Some(dynamic);
        self
    }

    /// The other profiles that there are: those that the profile's `dynamic.profiles` shows to agents, and where they write
    /// new ones where its `dynamic.save` lets them. Without it, agents see no other profile and write none.
    #[must_use]
    pub fn with_profiles(mut self, profiles: Arc<dyn Profiles>) -> Self {
        self.profiles = Some(profiles);
        self
    }

    /// Where records go; without one, to memory.
    #[must_use]
    pub fn with_audit(mut self, audit: Arc<dyn AuditStore>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Counters to share with other gateways of the host.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Adds a runtime; of two that could run a server, the first that is ready does.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtimes.push(runtime);
        self
    }

    /// The living gateway that owns what is started, so that leftovers of dead ones can be swept.
    #[must_use]
    pub fn with_instance(mut self, instance: Arc<GatewayInstance>) -> Self {
        self.instance = Some(instance);
        self
    }

    /// Who hears of the progress of pulls and installations.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn PrepareProgress>) -> Self {
        self.progress = progress;
        self
    }

    /// Bounds and times.
    #[must_use]
    pub fn with_options(mut self, options: GatewayOptions) -> Self {
        self.options = options;
        self
    }

    /// Reads the profile and makes the gateway; no server is started.
    ///
    /// A server that the catalog does not have, or whose settings are broken, is refused with its reason and does not
    /// stop the others. What dead gateways left behind is swept in the background.
    ///
    /// # Errors
    /// `InvalidConfig` when the profile or its lock is broken, `Io` when a part cannot be read.
    pub async fn build(self) -> Result<McpGateway> {
        let profile = match self.profile {
            Some(profile) => profile,
            None => Arc::new(MemoryProfile::new(ProfileSpec::new(ProfileName::new("default")?))),
        };
        let spec = profile.spec().await?;
        #[cfg(feature = "audit-seal")]
        let seal = spec.audit.seal.as_deref().map(crate::audit::PayloadSeal::new).transpose()?;
        #[cfg(not(feature = "audit-seal"))]
        spec.audit.ensure_unsealed()?;
        let lock = profile.lock().await?;
        let catalog = self.catalog.unwrap_or_else(|| Arc::new(MemoryCatalog::new("empty")));
        let scope = self.scope.with(format!("profile {}", spec.name), &spec.scope)?;
        let catalog: Arc<dyn Catalog> = Arc::new(ScopedCatalog::new(catalog, scope));
        let audit = self.audit.unwrap_or_else(|| Arc::new(MemoryAudit::new()));
        let metrics = self.metrics.unwrap_or_default();
        let gateway = match &self.instance {
            Some(instance) => instance.id().to_owned(),
            None => random::hex(6)?,
        };
        let bus = EventBus::new();
        let mut slots = Slots::new();
        for server in spec.servers.keys() {
            let recorded = lock.servers.get(server).cloned();
            slots.insert(server.clone(), Arc::new(Slot::of(&spec, server, catalog.as_ref(), recorded).await));
        }
        let names = AllNames::restore(&lock.names, spec.servers.keys());
        for runtime in &self.runtimes {
            sweep(Arc::clone(runtime));
        }
        let secrets = self.secrets.unwrap_or_else(|| Arc::new(MemoryBroker::new()));
        let webhook = Webhook::of(&spec.approval, &secrets)?;
        let known = Arc::<Known>::default();
        let launcher = Launcher {
            profile: profile.name().clone(),
            gateway,
            #[cfg(feature = "runtime-remote")]
            oauth: super::oauth::OAuth::new(profile.name().clone(), Arc::clone(&secrets)),
            secrets,
            audit: Arc::clone(&audit),
            known: Arc::clone(&known),
            verifier: match self.verifier {
                Some(verifier) => verifier,
                None => verifier(&spec.verify)?,
            },
            findings: Findings::default(),
            runtimes: self.runtimes,
            progress: self.progress,
            bus: bus.clone(),
            prepare_timeout: self.options.prepare_timeout,
            _instance: self.instance,
        };
        let policy = match self.policy {
            Some(policy) => policy,
            None => Arc::new(rules(&spec)?),
        };
        let policy = with_cedar(policy, &spec, profile.folder()).await?;
        let may = self.dynamic.as_ref().unwrap_or(&spec.dynamic);
        let dynamic = Dynamic::of(may, &spec.redaction, self.profiles)?;
        let secret_pages = SecretPages::of(may, &launcher, self.options.question_timeout)?;
        let policy = match &dynamic {
            Some(_) => Arc::new(SavingPolicy::new(policy, may.save)) as _,
            None => policy,
        };
        let hub = Hub::start(HubParts {
            launcher,
            profile: Arc::clone(&profile),
            audit: Arc::clone(&audit),
            metrics: metrics.clone(),
            options: HubOptions {
                start_concurrency: self.options.start_concurrency.max(1),
                list_wait: self.options.list_wait,
                pool_size: self.options.pool_size,
                max_sessions: self.options.max_sessions,
                question_timeout: self.options.question_timeout,
                page_size: self.options.page_size.max(1),
            },
            catalog,
            vectors: self.vectors,
            bus: bus.clone(),
            dynamic,
            secret_pages,
            slots,
            names,
        });
        // The order is part of the contract: audit is outside policy, so that denials are recorded.
        let limits = LimitLayer::new(Arc::clone(&hub), self.options.max_in_flight);
        let parts = ApprovalParts {
            approver: self.approver,
            webhook,
            queue: self.approvals.clone(),
            audit: Arc::clone(&audit),
            profile: profile.name().clone(),
            bus,
            metrics: metrics.clone(),
            question_timeout: self.options.question_timeout,
            closing: hub.closing(),
        };
        let approvals = Approvals::new(&spec.approval, parts)?;
        let quotas = Arc::new(Quotas::new(&spec.quotas)?);
        quotas.restore(audit.as_ref()).await?;
        let bounded = QuotaLayer { inner: limits, quotas };
        let decided = PolicyLayer { inner: bounded, policy: Arc::clone(&policy), approvals };
        let audit = AuditLayer {
            inner: decided,
            store: audit,
            profile: profile.name().clone(),
            arguments: spec.audit.arguments,
            redaction: Redaction::new(&[], &known, Rules::of(&spec.redaction, &RedactionSpec::default())),
            #[cfg(feature = "audit-seal")]
            seal,
            broken: AtomicBool::new(false),
            metrics: metrics.clone(),
        };
        let layers = Arc::new(TelemetryLayer { inner: audit, metrics });
        Ok(McpGateway { layers, policy, client: self.client, approvals: self.approvals, hub })
    }
}

/// Signatures are verified wherever this build can.
#[cfg(feature = "verify-sigstore")]
fn verifier(spec: &VerifySpec) -> Result<Arc<dyn Verifier>> {
    let mut verifier = crate::verify::SignatureVerifier::new()?;
    if let Some(file) = &spec.trust_root {
        verifier = verifier
            .with_trust_root(&crate::util::fs::read_to_string(std::path::Path::new(file))?)
            .map_err(|error| error.with_context("file", file))?;
    }
    Ok(Arc::new(verifier))
}

#[cfg(not(feature = "verify-sigstore"))]
#[expect(clippy::unnecessary_wraps, reason = "the same as where signatures are verified")]
fn verifier(_spec: &VerifySpec) -> Result<Arc<dyn Verifier>> {
    Ok(Arc::new(crate::verify::DigestVerifier::new()))
}

fn rules(spec: &ProfileSpec) -> Result<RulePolicy> {
    // Once more for a profile of the host's own, which nobody has checked.
    if let Some(fault) = check_rules(&spec.policy.rules).into_iter().next() {
        return Err(Error::new(
            ErrorKind::InvalidConfig,
            format!("policy rule {}: {}", fault.index + 1, fault.message),
        )
        .with_operation("GatewayBuilder::build")
        .with_context("profile", &spec.name)
        .with_hint(fault.hint));
    }
    let policy = RulePolicy::new(spec.policy.rules.clone(), spec.policy.default_effect()).with_profile(&spec.name);
    Ok(match spec.policy.preset() {
        Some(preset) => policy.with_preset(preset),
        None => policy,
    })
}

/// Removes what dead gateways left behind, without keeping the new one waiting.
fn sweep(runtime: Arc<dyn Runtime>) {
    tokio::spawn(async move {
        match runtime.sweep().await {
            Ok(swept) if !swept.is_empty() => {
                tracing::info!(runtime = runtime.name(), count = swept.len(), "swept what a dead gateway left behind");
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(runtime = runtime.name(), error = %error.report(), "nothing could be swept"),
        }
    });
}
