//! What policy says about a request.

use serde::{Deserialize, Serialize};

/// What may happen with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// It goes through.
    Allow,
    /// The person at the client confirms it.
    SoftConfirm,
    /// An operator confirms it, with a reason, where the agent cannot.
    HardConfirm,
    /// It is refused.
    Deny,
}

impl Effect {
    /// The name that files and records use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::SoftConfirm => "soft_confirm",
            Self::HardConfirm => "hard_confirm",
            Self::Deny => "deny",
        }
    }

    /// How strict it is; a stricter effect has a higher number.
    pub const fn strictness(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::SoftConfirm => 1,
            Self::HardConfirm => 2,
            Self::Deny => 3,
        }
    }
}

/// An effect with the rule that decided and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decision {
    /// What may happen.
    pub effect: Effect,
    /// The rule that decided, as its owner wrote or named it.
    pub rule: String,
    /// Why, for the person whom it stops.
    pub reason: String,
}

impl Decision {
    /// Makes a decision.
    pub fn new(effect: Effect, rule: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { effect, rule: rule.into(), reason: reason.into() }
    }
}
