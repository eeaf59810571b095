//! What a person writes about which servers there may be.

use serde::{Deserialize, Serialize};

use crate::model::Patterns;

/// Which servers exist, for whoever is under it: what it shuts out is not found, not added and not run.
///
/// # Behavior
/// - A server is let in when a rule of `allow` covers it, or there is no `allow`; and no rule of `deny` does.
/// - An `allow` without rules lets nothing in.
///
/// ```yaml
/// allow:
///   - {source: docker-mcp, verification: verified}
///   - {publisher: acme, license: [MIT, Apache-2.0], approved: true}
/// deny:
///   - {server: "*-experimental", reason: not before they are released}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ScopeSpec {
    /// Rules of which one must cover a server; without the key, every server is let in that `deny` does not cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<ScopeRule>>,
    /// Rules that shut out what they cover.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<ScopeRule>,
}

/// Some servers, by what their catalog entry says; every condition that is written must hold.
///
/// # Behavior
/// - Of globs one must match, and none that begins with `!`; upper and lower case count in names of servers only.
/// - What an entry does not say matches no glob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ScopeRule {
    /// Globs over the server's name.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub server: Patterns,
    /// Globs over the publisher: `owner` among the entry's metadata.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub publisher: Patterns,
    /// Globs over the category.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub category: Patterns,
    /// Globs over the licence.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub license: Patterns,
    /// Globs over the catalog that it comes from, as it is registered.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub source: Patterns,
    /// What is known of who signs its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<ScopeVerification>,
    /// Whether the entry carries an approval that is of what it says now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// Why, for the operator who asks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What is known of who signs a server's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScopeVerification {
    /// The entry says who signs it.
    Signer,
    /// As `signer`, and it does not run unless that signature was verified, whatever a profile says.
    Verified,
    /// The entry does not say who signs it.
    Unsigned,
}

impl ScopeSpec {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What cannot be meant: the keys that lead to it, and why.
    pub fn faults(&self) -> Vec<(Vec<String>, String)> {
        let allow = self.allow.iter().flatten().enumerate().map(|(index, rule)| ("allow", index, rule));
        let deny = self.deny.iter().enumerate().map(|(index, rule)| ("deny", index, rule));
        let mut faults = Vec::new();
        for (list, index, rule) in allow.chain(deny) {
            let path = |key: &str| {
                let keys = [list, &index.to_string(), key];
                keys.iter().filter(|key| !key.is_empty()).map(|key| (*key).to_owned()).collect()
            };
            if rule.is_without_condition() {
                faults.push((path(""), "rule has no condition: it would cover every server".to_owned()));
            }
            for (key, globs) in rule.globs() {
                let broken = |glob: &&String| glob.strip_prefix('!').unwrap_or(glob).trim().is_empty();
                if globs.as_slice().iter().any(|glob| broken(&glob)) {
                    faults.push((path(key), "glob is empty".to_owned()));
                }
            }
        }
        faults
    }
}

impl ScopeRule {
    pub(super) fn globs(&self) -> [(&'static str, &Patterns); 5] {
        [
            ("server", &self.server),
            ("publisher", &self.publisher),
            ("category", &self.category),
            ("license", &self.license),
            ("source", &self.source),
        ]
    }

    fn is_without_condition(&self) -> bool {
        self.globs().iter().all(|(_, globs)| globs.is_empty()) && self.verification.is_none() && self.approved.is_none()
    }
}
