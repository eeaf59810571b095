//! What a person writes about what may happen.

use serde::{Deserialize, Serialize};

use crate::model::{Effect, Preset, Rule};

/// What may happen with requests.
///
/// ```yaml
/// policy:
///   preset: default          # rules that come with the gateway, after these
///   rules:
///     - {match: "github.delete_*", effect: deny, reason: deleting is done by people}
///   cedar: [org.cedar]       # beside the profile's file; of both decisions the stricter counts
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicySpec {
    /// Rules that come with the gateway, after the profile's own; none where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// What may happen with a request that no rule matches; where nothing is written, what the preset says, and `allow`
    /// without one.
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
    /// What may happen with a request that no rule matches.
    pub fn default_effect(&self) -> Effect {
        self.default.unwrap_or_else(|| self.preset.map_or(Effect::Allow, Preset::default_effect))
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
