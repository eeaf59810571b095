//! What the gateway pinned for a profile.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{ApprovedSurface, SurfacePin};
use crate::model::{Digest, ServerName, Surface, Verification};
use crate::protocol::ClientCapabilities;

/// A profile's lock file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProfileLock {
    /// The servers that were resolved.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub servers: IndexMap<ServerName, ServerLock>,
    /// The names under which things are exposed; a name once given keeps its meaning.
    pub names: NameTable,
}

/// What one server was resolved to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServerLock {
    /// The fingerprint of the catalog entry that was resolved; another entry makes the pin void.
    pub entry: String,
    /// The image's digest in its registry, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What ran: the image's digest or id, or the installed package's version; the surface is bound to it.
    pub identity: String,
    /// What the server offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<Surface>,
    /// What it offered to clients that can do more, by what they can do; `null` where that is the same.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub variants: IndexMap<String, Option<Surface>>,
    /// The protocol version that it spoke, where it was clear that it speaks no newer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// When the surface was recorded, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recorded: String,
    /// What an operator has approved; whoever records anew leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<ApprovedSurface>,
    /// What is accepted of what it offers; none before it was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<SurfacePin>,
    /// What was found out about the image before it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// The most kinds of client that a record tells apart.
const MAX_VARIANTS: usize = 8;

impl ServerLock {
    /// What the server offers to clients that can do this, where it is something of their own.
    pub fn variant(&self, capabilities: &ClientCapabilities) -> Option<&Surface> {
        self.variants.get(capabilities.as_text()?)?.as_ref()
    }

    /// What the server offers to clients that can do this, as far as it is known.
    pub fn surface_for(&self, capabilities: &ClientCapabilities) -> Option<&Surface> {
        self.variant(capabilities).or(self.surface.as_ref())
    }

    /// Whether an operator has approved the definition with this hash, of the server as it is recorded.
    pub fn approves(&self, definition: &str) -> bool {
        self.approved.as_ref().is_some_and(|approved| {
            approved.is_of(&self.entry, &self.identity) && approved.definitions.contains(definition)
        })
    }

    /// Whether what it offers to clients that can do this was seen.
    pub fn knows(&self, capabilities: &ClientCapabilities) -> bool {
        match key(capabilities) {
            Some(key) => self.variants.contains_key(&key),
            None => self.surface.is_some(),
        }
    }

    /// Keeps what the server offers to clients that can do this.
    pub fn record(&mut self, capabilities: &ClientCapabilities, surface: Surface) {
        let Some(key) = key(capabilities) else {
            let before = self.surface.replace(surface);
            if before != self.surface {
                // What was the same as before is so no longer.
                for variant in self.variants.values_mut().filter(|variant| variant.is_none()) {
                    variant.clone_from(&before);
                }
            }
            return;
        };
        let own = match &self.surface {
            Some(common) if *common == surface => None,
            Some(_) => Some(surface),
            None => {
                self.surface = Some(surface);
                None
            }
        };
        self.variants.insert(key, own);
        if self.variants.len() > MAX_VARIANTS {
            self.variants.shift_remove_index(0);
        }
    }
}

fn key(capabilities: &ClientCapabilities) -> Option<String> {
    capabilities.as_text().map(str::to_owned)
}

/// Exposed names, each with the canonical `server.name` that it means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NameTable {
    /// Tools.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub tools: IndexMap<String, String>,
    /// Prompts.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub prompts: IndexMap<String, String>,
    /// Resources, by URI.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub resources: IndexMap<String, String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_the_same_for_all_is_kept_once() {
        let able = ClientCapabilities::of(&json!({"roots": {}}));
        let surface = |text: &str| Surface { instructions: Some(text.to_owned()), ..Surface::default() };
        let mut lock = ServerLock::default();
        lock.record(&able, surface("more"));
        assert!(lock.knows(&able) && lock.knows(&ClientCapabilities::none()), "until it is known better");
        assert_eq!(lock.variant(&able), None);
        lock.record(&ClientCapabilities::none(), surface("less"));
        assert_eq!(lock.surface_for(&ClientCapabilities::none()), Some(&surface("less")));
        assert_eq!(lock.surface_for(&able), Some(&surface("more")));
        lock.record(&able, surface("less"));
        assert_eq!(lock.variant(&able), None);
        for number in 0..2 * MAX_VARIANTS {
            lock.record(&ClientCapabilities::of(&json!({"experimental": {"n": number}})), surface("x"));
        }
        assert_eq!(lock.variants.len(), MAX_VARIANTS);
    }
}
