//! From "server `github` of profile `dev`" to a finished plan: the one place where catalog, profile, secrets,
//! verification and runtime meet.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::egress::RecordedEgress;
use super::events::{EventBus, GatewayEvent};
use super::expand::{Declared, Expansion};
use super::hub::{Body, Slot};
#[cfg(feature = "runtime-remote")]
use super::oauth::OAuth;
use super::redact::{Known, Redaction};
use super::verified::Findings;
use crate::audit::{AuditEvent, AuditStore};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, ImageReference, ProfileName, ServerName, SessionId};
use crate::runtime::{
    ContainerPlan, GatewayInstance, Identity, InstanceStatus, LaunchPlan, LaunchTarget, OneShotOutput, Owner,
    PrepareProgress, RunningServer, Runtime,
};
use crate::secrets::SecretBroker;
use crate::transport::client::Authorization;
use crate::verify::Verifier;

/// Makes plans and has them carried out.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) profile: ProfileName,
    /// The id that running servers carry as their owner's.
    pub(crate) gateway: String,
    pub(crate) secrets: Arc<dyn SecretBroker>,
    /// Where it is recorded who was given which secret, and what servers try to reach and may not.
    pub(crate) audit: Arc<dyn AuditStore>,
    /// What has been handed out.
    pub(crate) known: Arc<Known>,
    pub(crate) verifier: Arc<dyn Verifier>,
    /// What was found out about images so far.
    pub(crate) findings: Findings,
    pub(crate) runtimes: Vec<Arc<dyn Runtime>>,
    pub(crate) progress: Arc<dyn PrepareProgress>,
    pub(crate) bus: EventBus,
    #[cfg(feature = "runtime-remote")]
    pub(crate) oauth: OAuth,
    pub(crate) prepare_timeout: Duration,
    /// Held so that the gateway counts as living as long as it can start servers.
    pub(crate) _instance: Option<Arc<GatewayInstance>>,
}

/// A server that was started.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) running: RunningServer,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) identity: Identity,
    /// What it runs from: an image with its digest, a package with its version, an address.
    pub(crate) image: String,
    /// What must not come back from the server.
    pub(crate) redaction: Redaction,
}

impl Launcher {
    /// Starts a server.
    pub(crate) async fn launch(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        body: &Body,
        session: Option<SessionId>,
    ) -> Result<Launched> {
        let runtime = self.choose(body).await?;
        let expansion = Expansion::of(&self.profile, body)?;
        let declared = expansion.declared(self.secrets.as_ref()).await?;
        let mut target = expansion.target(runtime.name(), &declared)?;
        if let LaunchTarget::Container(container) = &mut target {
            pin(container, slot);
        }
        let identity = self.ready(ctx, slot, runtime.as_ref(), &mut target).await?;
        let authorization = self.authorize(body, &mut target)?;
        let image = source(&target, &identity);
        let mut plan = LaunchPlan::new(self.owner(slot, session), target);
        expansion.fill(&mut plan, &declared)?;
        self.bound(&mut plan, body);
        let redaction = self.redaction(&plan, body).with_authorization(authorization);
        self.record_uses(&plan.owner, &declared).await?;
        // A start that has begun is not cut off: the caller then knows what there is to stop.
        let started = runtime.start(&CallContext::local(), plan).await;
        let running = started.map_err(|error| redaction.cut_out_of(error))?;
        Ok(Launched { running, runtime, identity, image, redaction })
    }

    /// Runs one container to its end.
    pub(crate) async fn run_once(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        body: &Body,
        container: ContainerPlan,
    ) -> Result<(OneShotOutput, Redaction)> {
        let runtime = self.named("docker").await?;
        let mut target = LaunchTarget::Container(container);
        self.ready(ctx, slot, runtime.as_ref(), &mut target).await?;
        let mut plan = LaunchPlan::new(self.owner(slot, ctx.session.clone()), target);
        let expansion = Expansion::of(&self.profile, body)?;
        let declared = expansion.declared(self.secrets.as_ref()).await?;
        expansion.fill(&mut plan, &declared)?;
        self.bound(&mut plan, body);
        let redaction = self.redaction(&plan, body);
        self.record_uses(&plan.owner, &declared).await?;
        let output = runtime.run_once(ctx, plan).await.map_err(|error| redaction.cut_out_of(error))?;
        Ok((output, redaction))
    }

    /// Records which secrets a server is about to get; one whose use cannot be recorded is not given.
    async fn record_uses(&self, owner: &Owner, declared: &Declared) -> Result<()> {
        for used in &declared.uses {
            let mut event = AuditEvent::new(self.profile.clone(), "gateway", "secret/use");
            event.server = Some(owner.server.clone());
            event.session.clone_from(&owner.session);
            event.name = Some(used.name.clone());
            event.detail =
                Some(json!({"key": used.key.to_string(), "store": used.store, "delivery": used.delivery.as_str()}));
            self.audit.append(event).await?;
        }
        Ok(())
    }

    /// What is looked for in what one body's server sends and is sent, before it has any secret.
    pub(crate) fn unstarted(&self, body: &Body) -> Redaction {
        Redaction::new(&[], &self.known, body.settings.redaction.clone())
    }

    fn redaction(&self, plan: &LaunchPlan, body: &Body) -> Redaction {
        Redaction::new(&plan.secrets, &self.known, body.settings.redaction.clone())
    }

    /// Everything that runs in the runtimes.
    pub(crate) async fn instances(&self) -> Result<Vec<InstanceStatus>> {
        let mut all = Vec::new();
        for runtime in &self.runtimes {
            // An engine that nobody uses need not be there.
            if runtime.check().await.is_ok() {
                all.extend(runtime.list().await?);
            }
        }
        Ok(all)
    }

    /// The runtime for a server: the one that the profile names, or the first that fits and is ready.
    pub(crate) async fn choose(&self, body: &Body) -> Result<Arc<dyn Runtime>> {
        if let Some(name) = &body.spec.runtime {
            return self.named(name).await;
        }
        let entry = &body.entry;
        let mut fitting = Vec::new();
        if entry.remote.is_some() || entry.sse_endpoint.is_some() {
            fitting.push("remote");
        }
        if entry.image.is_some() {
            fitting.push("docker");
        }
        if entry.process.is_some() {
            fitting.push("process");
        }
        let mut refused = None;
        for name in fitting {
            match self.named(name).await {
                Ok(runtime) => return Ok(runtime),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "catalog entry has neither an image, a process nor a remote address")
        }))
    }

    async fn named(&self, name: &str) -> Result<Arc<dyn Runtime>> {
        let runtime = self.runtimes.iter().find(|runtime| runtime.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::RuntimeUnavailable, format!("runtime `{name}` is not part of this gateway"))
        })?;
        runtime.check().await?;
        Ok(Arc::clone(runtime))
    }

    /// Finds out what exactly will run, has it verified, and fetches it: in this order, and by its digest.
    async fn ready(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        runtime: &dyn Runtime,
        target: &mut LaunchTarget,
    ) -> Result<Identity> {
        let identity = runtime.identify(ctx, target).await?;
        if let LaunchTarget::Container(container) = target {
            self.verify(ctx, slot, runtime, container, &identity).await?;
            match &identity.digest {
                Some(digest) => container.image = container.image.clone().with_digest(digest.clone()),
                None => container.image_id = Some(identity.value.clone()),
            }
        }
        let told = Told { server: slot.name.clone(), bus: self.bus.clone(), next: Arc::clone(&self.progress) };
        let prepare = runtime.prepare(ctx, target, &identity, Arc::new(told));
        ctx.bounded(self.prepare_timeout, prepare).await?;
        match target {
            // An image is its digest; of a package without a version, only the installed one tells which it is.
            LaunchTarget::Process(_) => runtime.identify(ctx, target).await,
            _ => Ok(identity),
        }
    }

    /// Gives a remote server its tokens.
    #[cfg(feature = "runtime-remote")]
    fn authorize(&self, body: &Body, target: &mut LaunchTarget) -> Result<Option<Arc<dyn Authorization>>> {
        let LaunchTarget::Remote(plan) = target else { return Ok(None) };
        plan.authorization = self.oauth.authorization(body, plan)?;
        Ok(plan.authorization.clone())
    }

    #[cfg(not(feature = "runtime-remote"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same as where servers can be elsewhere")]
    fn authorize(&self, _body: &Body, _target: &mut LaunchTarget) -> Result<Option<Arc<dyn Authorization>>> {
        Ok(None)
    }

    /// Says what a server may reach and use.
    fn bound(&self, plan: &mut LaunchPlan, body: &Body) {
        plan.network.clone_from(&body.settings.network);
        plan.allow_private = body.spec.allow_private;
        plan.egress = Arc::new(RecordedEgress {
            owner: plan.owner.clone(),
            audit: Arc::clone(&self.audit),
            bus: self.bus.clone(),
        });
        plan.limits = body.settings.limits;
    }

    fn owner(&self, slot: &Slot, session: Option<SessionId>) -> Owner {
        let mut owner = Owner::new(self.gateway.as_str(), self.profile.clone(), slot.name.clone());
        owner.session = session;
        owner
    }
}

/// The progress of one server, told as events too.
#[derive(Debug)]
struct Told {
    server: ServerName,
    bus: EventBus,
    next: Arc<dyn PrepareProgress>,
}

impl PrepareProgress for Told {
    fn update(&self, status: &str, done: u64, total: u64) {
        self.bus.tell(|| GatewayEvent::Preparing {
            server: self.server.clone(),
            status: status.to_owned(),
            done,
            total,
        });
        self.next.update(status, done, total);
    }
}

/// What a server runs from, as lists of what runs have it.
fn source(target: &LaunchTarget, identity: &Identity) -> String {
    match (target, &identity.digest) {
        (LaunchTarget::Container(container), Some(digest)) => format!("{}@{digest}", container.image.repository()),
        _ => identity.value.clone(),
    }
}

/// A tag means the digest that it meant when it was recorded; the catalog or `server update` moves it, not the registry.
fn pin(container: &mut ContainerPlan, slot: &Slot) {
    if container.image.digest().is_none()
        && let Some(digest) = slot.lock().and_then(|lock| lock.digest.clone())
    {
        container.image = container.image.clone().with_digest(digest);
    }
}

/// Reads an image reference of a catalog.
pub(crate) fn image(text: &str) -> Result<ImageReference> {
    ImageReference::parse(text).map_err(|error| error.with_hint("correct `image` in the catalog entry"))
}
