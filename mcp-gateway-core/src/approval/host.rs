//! Questions that the host's own code puts to a person.

use async_trait::async_trait;
use serde::Deserialize;

use super::{Answer, Approver, Question};
use crate::error::Result;
use crate::model::{CallContext, HostCaller};

/// An approver that asks an object of the host's language: `approve(context, question)`.
///
/// # Behavior
/// - The context is [`CallContext::to_json`], the question [`Question::to_json`] with the decision as `{"effect", "rule",
///   "reason"}`: `soft_confirm` is for any person at the agent, `hard_confirm` for an operator.
/// - The answer is `true`, `false` or `{"granted", "by", "reason"}`; whatever else it answers is an error, and the gateway
///   denies on every error.
#[derive(Debug)]
pub struct HostApprover(HostCaller);

/// What the host may answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    Granted(bool),
    Whole {
        granted: bool,
        #[serde(default)]
        by: Option<String>,
        #[serde(default)]
        reason: Option<String>,
    },
}

impl HostApprover {
    /// Asks this object.
    ///
    /// # Errors
    /// `InvalidInput` when the object has no method `approve`.
    pub fn new(caller: HostCaller) -> Result<Self> {
        caller.demand("an approver", &["approve"])?;
        Ok(Self(caller))
    }
}

#[async_trait]
impl Approver for HostApprover {
    async fn approve(&self, ctx: &CallContext, question: &Question) -> Result<Answer> {
        let shown = question.to_json()?;
        let asked = (ctx.to_json(), shown);
        // A caller that gives up or runs out of time is not asked about any longer.
        let (granted, by, reason) = match ctx.bounded(self.0.timeout(), self.0.call("approve", &asked)).await? {
            Said::Granted(granted) => (granted, None, None),
            Said::Whole { granted, by, reason } => (granted, by, reason),
        };
        let by = by.filter(|by| !by.is_empty()).unwrap_or_else(|| self.0.name().to_owned());
        Ok(Answer::new(granted, by, reason.unwrap_or_default()))
    }
}
