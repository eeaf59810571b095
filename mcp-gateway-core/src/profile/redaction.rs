//! What happens to secrets in what flows: the gateway's own values, and what looks like a token.

use serde::{Deserialize, Serialize};

/// What happens to what looks like a provider's token, and to secrets in arguments.
///
/// # Behavior
/// - What is not written is the profile's, then `block` for arguments and `redact` for results.
/// - The values of a server's own secrets are cut out of whatever it sends, whatever is written here.
///
/// ```yaml
/// redaction: {arguments: block, results: redact}
/// servers:
///   auth:
///     redaction: {results: warn, except: [jwt]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedactionSpec {
    /// What a client sends to a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<RedactionMode>,
    /// What a server sends towards a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<RedactionMode>,
    /// The kinds of tokens that are let through, such as `jwt`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl RedactionSpec {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What happens where something is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RedactionMode {
    /// The request is refused, or its result withheld.
    Block,
    /// It is cut out.
    Redact,
    /// It goes through, and is logged and recorded.
    Warn,
    /// Nothing is looked for.
    Off,
}
