//! The layers around the hub, outside to inside: telemetry, audit, policy with approval, quotas, limits.

mod audit;
mod limits;
mod policy;
mod quotas;
mod telemetry;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;

use crate::error::Result;
use crate::gateway::redact::{Findings, Redaction};
use crate::model::{CallContext, Decision, Effect, Verification};
use crate::protocol::{ClientCapabilities, RawJson, Request, Response};

pub(crate) use audit::AuditLayer;
pub(crate) use limits::LimitLayer;
pub(crate) use policy::PolicyLayer;
pub(crate) use quotas::{QuotaLayer, Quotas};
pub(crate) use telemetry::TelemetryLayer;

/// A request on its way down, with what the layers found out about it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    /// Which server the request's target was looked up with: one that takes its name meanwhile is another.
    pub(crate) slot: Option<u64>,
    /// What was found out about the image of that server.
    pub(crate) verification: Option<Arc<Verification>>,
    /// What the client can be asked.
    pub(crate) client: ClientCapabilities,
    /// What a person should know of what would come of it.
    pub(crate) facts: Vec<(String, String)>,
    /// What it is answered with where it cannot be carried out anyway: nobody is asked about it then.
    pub(crate) moot: Option<RawJson>,
    /// The gateway's own tool by which it was called, where it was not called by itself.
    pub(crate) via: Option<&'static str>,
    /// What policy decided; set by its layer, read by audit.
    pub(crate) decision: Option<Decision>,
    /// What cuts secrets out; set by the hub once it knows which server answers, read by audit.
    pub(crate) redaction: OnceLock<Arc<Redaction>>,
    /// What was found that looks like a secret; noted by the hub, read by audit.
    pub(crate) findings: Mutex<Findings>,
}

impl Call {
    pub(crate) fn new(request: Request) -> Self {
        Self {
            request,
            slot: None,
            verification: None,
            client: ClientCapabilities::none(),
            facts: Vec::new(),
            moot: None,
            via: None,
            redaction: OnceLock::new(),
            findings: Mutex::default(),
            decision: None,
        }
    }

    /// Whether it may go through only as what it was when it was decided: a person confirmed it, or has approved its
    /// definition before.
    pub(crate) fn is_bound(&self) -> bool {
        let confirmed = |decision: &Decision| matches!(decision.effect, Effect::SoftConfirm | Effect::HardConfirm);
        self.decision.as_ref().is_some_and(confirmed)
            || self.request.described.as_ref().is_some_and(|described| described.approved)
    }
}

/// One step on the way down. There is one method, so no layer can miss an operation.
#[async_trait]
pub(crate) trait Service: fmt::Debug + Send + Sync + 'static {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response>;
}

#[async_trait]
impl<S: Service> Service for Arc<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        self.as_ref().call(ctx, call).await
    }
}
