//! A question as it waits, and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Question, Verdict};
use crate::error::Result;
use crate::model::Effect;
use crate::util::clock;

/// A question that waits for an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PendingApproval {
    /// Under which it is answered.
    pub id: String,
    /// How firmly is asked.
    pub effect: Effect,
    /// Who asks.
    pub principal: String,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub asked: i64,
    /// When its time is up.
    pub expires: i64,
    /// The question in the form of [`Question::to_json`].
    pub question: Value,
    /// The question for a person to read.
    pub text: String,
    /// The living gateway that asks.
    pub gateway: String,
    /// What an answer belongs to.
    pub binding: String,
    /// The run of the gateway, without which an answer is worth nothing.
    pub(super) run: String,
}

impl PendingApproval {
    pub(super) fn new(id: String, question: &Question, good_for: Duration, gateway: &str, run: &str) -> Result<Self> {
        let asked = clock::now_millis();
        Ok(Self {
            id,
            effect: question.decision.effect,
            principal: question.principal.name.to_string(),
            asked,
            expires: asked.saturating_add(i64::try_from(good_for.as_millis()).unwrap_or(i64::MAX)),
            text: question.to_text()?,
            question: question.to_json()?,
            gateway: gateway.to_owned(),
            binding: question.binding(),
            run: run.to_owned(),
        })
    }

    /// Whether its time is up.
    pub fn is_over(&self) -> bool {
        self.expires <= clock::now_millis()
    }

    /// A short name for exactly this question.
    fn digest(&self) -> String {
        let parts = serde_json::json!([self.id, self.binding, self.run, self.expires, self.text]);
        hex::encode(Sha256::digest(parts.to_string().as_bytes()))
    }
}

/// An answer as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answered {
    id: String,
    question: String,
    time: i64,
    pub(super) verdict: Verdict,
}

impl Answered {
    pub(super) fn new(question: &PendingApproval, verdict: Verdict) -> Self {
        Self { id: question.id.clone(), question: question.digest(), time: clock::now_millis(), verdict }
    }

    pub(super) fn is_for(&self, open: &Open) -> bool {
        self.id == open.id && self.question == open.digest && self.time < open.expires
    }
}

/// What the gateway that asked knows of a question.
#[derive(Debug)]
pub(super) struct Open {
    id: String,
    digest: String,
    expires: i64,
    pub(super) principal: String,
    /// What it is about, where nobody waits for the answer.
    stands_for: Option<String>,
}

impl Open {
    pub(super) fn of(pending: &PendingApproval, stands: bool) -> Self {
        Self {
            id: pending.id.clone(),
            digest: pending.digest(),
            expires: pending.expires,
            principal: pending.principal.clone(),
            stands_for: stands.then(|| pending.binding.clone()),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.expires <= clock::now_millis()
    }

    pub(super) fn stands_for(&self, binding: &str) -> bool {
        self.stands_for.as_deref() == Some(binding)
    }
}
