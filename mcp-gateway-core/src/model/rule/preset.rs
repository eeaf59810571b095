//! Sets of rules that come with the gateway, by name.

use serde::{Deserialize, Serialize};

use crate::model::Effect;

/// A named set of rules that comes with the gateway; a profile's own rules count before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Preset {
    /// Reading goes through, writing is confirmed, and what cannot be undone needs an operator.
    Default,
}

impl Preset {
    /// What a request gets that none of its rules covers.
    pub const fn default_effect(self) -> Effect {
        match self {
            Self::Default => Effect::SoftConfirm,
        }
    }
}
