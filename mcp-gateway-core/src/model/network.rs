//! What a server may reach.

use serde::{Deserialize, Serialize};

/// The network that a server gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NetworkRule {
    /// No network at all. The default.
    #[default]
    None,
    /// Only these hosts, each written `host:port`.
    Listed(Vec<String>),
    /// Everything, because the operator said so.
    Open,
}
