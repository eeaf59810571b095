//! Decisions that the host's own code takes.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Policy;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Decision, Effect, HostCaller};
use crate::protocol::Request;

/// A policy that asks an object of the host's language: `decide(context, request)`.
///
/// # Behavior
/// - The context is [`CallContext::to_json`], the request `{"method", "target", "server", "name", "subject",
///   "arguments", "params"}`: the canonical name `target`, which is `server` and `name`, is missing for a list and for
///   a name that nobody offers.
/// - The answer is an effect (`"allow"`, `"soft_confirm"`, `"hard_confirm"`, `"deny"`) or `{"effect", "rule", "reason"}`.
/// - Whatever else it answers is an error, and the gateway denies on every error.
#[derive(Debug)]
pub struct HostPolicy(HostCaller);

/// What the host may answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Effect(Effect),
    Whole {
        effect: Effect,
        #[serde(default)]
        rule: Option<String>,
        #[serde(default)]
        reason: Option<String>,
    },
}

impl HostPolicy {
    /// Asks this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has no method `decide`.
    pub fn new(caller: HostCaller) -> Result<Self> {
        caller.demand("a policy", &["decide"])?;
        Ok(Self(caller))
    }
}

#[async_trait]
impl Policy for HostPolicy {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        let asked = (ctx.to_json(), describe(request)?);
        let (effect, rule, reason) = match ctx.bounded(self.0.timeout(), self.0.call("decide", &asked)).await? {
            Answer::Effect(effect) => (effect, None, None),
            Answer::Whole { effect, rule, reason } => (effect, rule, reason),
        };
        let rule = rule.filter(|rule| !rule.is_empty()).unwrap_or_else(|| self.0.name().to_owned());
        Ok(Decision::new(effect, rule, reason.unwrap_or_default()))
    }
}

/// A request as the host sees it.
fn describe(request: &Request) -> Result<Value> {
    let params: Value = request.params.to_raw().read().map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "parameters of the request cannot be shown to the host").with_source(cause)
    })?;
    let mut shown = json!({"method": request.kind.method(), "params": params});
    if let Some(subject) = request.subject() {
        shown["subject"] = subject.into();
    }
    if let Some(target) = &request.target {
        shown["target"] = target.to_string().into();
        shown["server"] = target.server.as_str().into();
        shown["name"] = target.name.as_str().into();
    }
    if let Some(arguments) = shown["params"].get("arguments").cloned() {
        shown["arguments"] = arguments;
    }
    Ok(shown)
}
