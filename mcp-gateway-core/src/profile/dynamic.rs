//! Whether agents may find, add and call servers by themselves.

use serde::{Deserialize, Serialize};

use crate::model::ProfileName;
use crate::protocol::GATEWAY_TOOLS;
use crate::util::pattern::{Pattern, did_you_mean};

/// Whether agents may find, add and call servers by themselves, and what becomes of what they have added.
///
/// ```yaml
/// dynamic:
///   enabled: true
///   save: ask                # a change that is to outlast its session needs an operator
///   lean: true               # lists show the gateway's own tools and no others
///   secretPage: true         # the person at the client may type secrets that a server lacks
///   tools: [mcp-find, mcp-exec]
///   profiles: ["team-*"]     # whose servers may be added as these profiles have them
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DynamicSpec {
    /// Whether the gateway offers its own tools.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// Whether a change may be kept in the profile; without a word, it ends with the session that made it.
    #[serde(skip_serializing_if = "SaveWord::is_never")]
    pub save: SaveWord,
    /// Whether lists of tools show the gateway's own alone; every tool can be called all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lean: bool,
    /// Whether the person at the client may set a secret that a server lacks, on a page of this machine that the gateway
    /// shows them; what they type passes neither the agent nor the client.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret_page: bool,
    /// Which of its own tools the gateway offers; none means all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Globs over the names of other profiles that agents see, and whose servers they may add as those have them; none
    /// means that they see no profile. What is added is decided, and gets its secrets, as in this profile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
}

/// Whether what an agent has changed may be kept in the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SaveWord {
    /// It may not.
    #[default]
    Never,
    /// An operator is asked each time, whatever policy says.
    Ask,
    /// As policy says.
    Always,
}

impl SaveWord {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

impl DynamicSpec {
    /// The gateway offers all of its own tools.
    pub fn on() -> Self {
        Self { enabled: true, ..Self::default() }
    }

    /// Lists show the gateway's own tools alone.
    #[must_use]
    pub fn with_lean(mut self) -> Self {
        self.lean = true;
        self
    }

    /// Lets the person at the client set secrets that a server lacks, on a page of this machine.
    #[must_use]
    pub fn with_secret_page(mut self) -> Self {
        self.secret_page = true;
        self
    }

    /// Says whether changes may be kept in the profile.
    #[must_use]
    pub fn with_save(mut self, save: SaveWord) -> Self {
        self.save = save;
        self
    }

    /// Whether one of the gateway's own tools is offered.
    pub fn offers(&self, tool: &str) -> bool {
        self.enabled && (self.tools.is_empty() || self.tools.iter().any(|offered| offered == tool))
    }

    /// Says which other profiles agents see.
    #[must_use]
    pub fn with_profiles(mut self, profiles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.profiles = profiles.into_iter().map(Into::into).collect();
        self
    }

    /// Whether agents see another profile.
    pub fn shows(&self, profile: &ProfileName) -> bool {
        self.enabled && self.profiles.iter().any(|glob| Pattern::new(glob).matches(profile.as_str()))
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What cannot be meant as it is written: the key, why, and what to do.
    pub(super) fn faults(&self) -> Vec<(Vec<String>, String, String)> {
        let mut faults = Vec::new();
        if self.lean && !self.enabled {
            let why = "lists would show nothing at all".to_owned();
            faults.push((vec!["lean".to_owned()], why, "write `enabled: true` beside it".to_owned()));
        }
        for (index, _) in self.profiles.iter().enumerate().filter(|(_, glob)| glob.is_empty()) {
            let hint = "write a profile's name, or a pattern such as `team-*`".to_owned();
            faults.push((vec!["profiles".to_owned(), index.to_string()], "it names no profile".to_owned(), hint));
        }
        if self.secret_page && !self.enabled {
            let why = "nobody could add a server that lacks a secret".to_owned();
            faults.push((vec!["secretPage".to_owned()], why, "write `enabled: true` beside it".to_owned()));
        }
        for (index, tool) in self.tools.iter().enumerate().filter(|(_, tool)| !GATEWAY_TOOLS.contains(&tool.as_str())) {
            let hint = match did_you_mean(tool, GATEWAY_TOOLS) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", GATEWAY_TOOLS.join(", ")),
            };
            let why = format!("`{tool}` is no tool of the gateway's own");
            faults.push((vec!["tools".to_owned(), index.to_string()], why, hint));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_offered_unless_it_is_said() {
        assert!(!DynamicSpec::default().offers("mcp-find"));
        assert!(DynamicSpec::on().offers("mcp-find"));
        let some = DynamicSpec { tools: vec!["mcp-find".to_owned()], ..DynamicSpec::on() };
        assert!(some.offers("mcp-find") && !some.offers("mcp-add"));
        assert_eq!(some.faults(), []);
        let team: ProfileName = "team-a".parse().unwrap();
        assert!(!DynamicSpec::on().shows(&team));
        assert!(DynamicSpec::on().with_profiles(["team-*"]).shows(&team));
        assert!(!DynamicSpec::default().with_profiles(["*"]).shows(&team), "nothing where nothing is enabled");
        let wrong = DynamicSpec { tools: vec!["mcp-fidn".to_owned()], lean: true, ..DynamicSpec::default() };
        let faults = wrong.faults();
        assert_eq!((faults.len(), faults[1].2.as_str()), (2, "did you mean `mcp-find`?"));
        let page = DynamicSpec { secret_page: true, ..DynamicSpec::default() };
        assert_eq!(
            (page.faults()[0].0[0].as_str(), DynamicSpec::on().with_secret_page().faults()),
            ("secretPage", vec![])
        );
    }
}
