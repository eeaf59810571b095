//! What happens where something is found, for one server.

use crate::profile::{RedactionMode, RedactionSpec};

/// The modes of one server, resolved: its own, then the profile's, then the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) arguments: RedactionMode,
    pub(crate) results: RedactionMode,
    except: Vec<String>,
}

impl Rules {
    pub(crate) fn of(profile: &RedactionSpec, server: &RedactionSpec) -> Self {
        Self {
            arguments: server.arguments.or(profile.arguments).unwrap_or(RedactionMode::Block),
            results: server.results.or(profile.results).unwrap_or(RedactionMode::Redact),
            except: profile.except.iter().chain(&server.except).cloned().collect(),
        }
    }

    /// Whether tokens of this kind are looked for.
    pub(crate) fn concern(&self, kind: &str) -> bool {
        !self.except.iter().any(|except| except == kind)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::of(&RedactionSpec::default(), &RedactionSpec::default())
    }
}
