//! The recorded surface of a server: what it offered when it was last seen.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that a server offered, bound to the image digest it was seen with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Surface {
    /// Tools, each as the server defined it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Definition>,
    /// Prompts, each as the server defined it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<Definition>,
    /// Resources, each as the server defined it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Definition>,
    /// Resource templates, each as the server defined it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_templates: Vec<Definition>,
    /// The server's capabilities, as it declared them.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub capabilities: Value,
    /// The server's instructions to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The server's own name and version.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub server_info: Value,
}

/// One tool, prompt, resource or template: the key that names it and its definition as it came, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Definition {
    /// The tool's or prompt's name, the resource's URI, or the template's URI template.
    pub key: String,
    /// The definition as the server sent it, as JSON text.
    pub json: String,
}

impl Definition {
    /// Keeps a definition.
    pub fn new(key: impl Into<String>, json: impl Into<String>) -> Self {
        Self { key: key.into(), json: json.into() }
    }
}
