//! What a person writes about what may happen.

use serde::{Deserialize, Serialize};

use crate::model::{Effect, Preset, Rule};

/// What may happen with requests.
///
/// ```yaml
/// policy:
///   preset: default          # rules that come with the gateway, after these; so it is too where nothing is written
///   rules:
///     - {match: "github.delete_*", effect: deny, reason: deleting is done by people}
///   cedar: [org.cedar]       # beside the profile's file; of both decisions the stricter counts
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicySpec {
    /// Rules that come with the gateway, after the profile's own. Where neither these nor `default` are written, they are
    /// those of [`Preset::Default`]: what nobody thought about is not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// What may happen with a request that no rule matches; where nothing is written, what the preset says. Written
    /// without a preset, it is all that there is after the profile's own rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Effect>,
    /// Rules in order; the first that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Files with Cedar policies; where there are some, they decide too, and the stricter of both decisions counts. A
    /// relative path starts from the folder of the profile's file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cedar: Vec<String>,
}

impl PolicySpec {
    /// The rules that come with the gateway.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what may happen with a request that no rule matches, in the place of the rules that come with the gateway.
    #[must_use]
    pub fn with_default(mut self, effect: Effect) -> Self {
        self.default = Some(effect);
        self
    }

    /// The rules that come after the profile's own.
    pub fn preset(&self) -> Option<Preset> {
        self.preset.or(if self.default.is_none() { Some(Preset::Default) } else { None })
    }

    /// What may happen with a request that no rule matches.
    pub fn default_effect(&self) -> Effect {
        self.default.or(self.preset().map(Preset::default_effect)).unwrap_or(Effect::Deny)
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
