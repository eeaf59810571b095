//! Why a policy decides as it does.

use serde::Serialize;

use crate::model::{Decision, Effect};

/// A decision with what was looked at on the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// What is decided.
    pub decision: Decision,
    /// The canonical name of what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether its definition is approved, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// Why it is refused whatever is decided: its definition is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The rules that were looked at, in order; empty for a policy that has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// A rule that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Step {
    /// The rule, as decisions name it.
    pub rule: String,
    /// What it says may happen.
    pub effect: Effect,
    /// The first of its conditions that does not hold; none for a rule that covers the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
    /// What it asked for beside names and kinds: `arguments`, `role`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
}

impl Explanation {
    /// A decision without a way to it.
    pub const fn new(decision: Decision) -> Self {
        Self { decision, target: None, approved: None, held: None, steps: Vec::new() }
    }

    /// With what it is about.
    #[must_use]
    pub fn about(mut self, target: Option<String>, approved: Option<bool>) -> Self {
        self.target = target;
        self.approved = approved;
        self
    }

    /// What the rules asked for beside names and kinds, each once, such as `arguments`.
    pub fn asked(&self) -> Vec<String> {
        let mut asked: Vec<String> = self.steps.iter().flat_map(|step| step.asks.iter().cloned()).collect();
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    /// With what was looked at.
    #[must_use]
    pub fn with_steps(mut self, steps: Vec<Step>) -> Self {
        self.steps = steps;
        self
    }
}

impl Step {
    /// A rule that was looked at.
    pub fn new(rule: impl Into<String>, effect: Effect, unmet: Option<&str>) -> Self {
        Self { rule: rule.into(), effect, unmet: unmet.map(str::to_owned), asks: Vec::new() }
    }

    /// With what it asked for.
    #[must_use]
    pub fn with_asks(mut self, asks: Vec<String>) -> Self {
        self.asks = asks;
        self
    }
}
