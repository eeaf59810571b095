//! The `initialize` exchange.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Era, ProtocolVersion, RawJson};
use crate::error::{Error, ErrorKind, Result};

/// What a client says when it connects.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientHello {
    /// The version that the client asks for.
    pub protocol_version: String,
    /// The client's capabilities, as it declared them.
    #[serde(default)]
    pub capabilities: Value,
    /// The client's name and version.
    #[serde(default)]
    pub client_info: Value,
}

impl ClientHello {
    /// What the gateway says to a server on behalf of a client with these capabilities.
    pub fn of_gateway(capabilities: Value) -> Self {
        Self {
            protocol_version: ProtocolVersion::LATEST_WITH_HANDSHAKE.as_str().to_owned(),
            capabilities: if capabilities.is_object() { capabilities } else { json!({}) },
            client_info: gateway_info(),
        }
    }

    /// The parameters of `initialize`.
    ///
    /// # Errors
    /// `Internal` when the capabilities have no JSON form.
    pub fn to_params(&self) -> Result<RawJson> {
        RawJson::from_value(&json!({
            "protocolVersion": self.protocol_version,
            "capabilities": self.capabilities,
            "clientInfo": self.client_info,
        }))
    }

    /// Whether the client declared a capability, such as `elicitation`.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.get(capability).is_some_and(|value| !value.is_null())
    }
}

/// What a server answers when a client connects.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerHello {
    /// The version that both will speak.
    pub protocol_version: String,
    /// The server's capabilities, as it declared them.
    #[serde(default)]
    pub capabilities: Value,
    /// The server's name and version.
    #[serde(default)]
    pub server_info: Value,
    /// The server's instructions to the model.
    #[serde(default)]
    pub instructions: Option<String>,
}

impl ServerHello {
    /// What the gateway answers to a client.
    pub fn of_gateway(requested: &str, capabilities: Value, instructions: Option<String>) -> Self {
        Self {
            protocol_version: ProtocolVersion::negotiate(requested).as_str().to_owned(),
            capabilities,
            server_info: gateway_info(),
            instructions,
        }
    }

    /// Checks a server's answer to `initialize`.
    ///
    /// # Errors
    /// `Protocol` when it is no such answer or names a version that the gateway does not know.
    pub fn from_result(result: &RawJson) -> Result<Self> {
        let hello: Self = result.read()?;
        if hello.version().is_none_or(|version| version.era() == Era::Stateless) {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("server speaks protocol version `{}`, which is not known here", hello.protocol_version),
            ));
        }
        Ok(hello)
    }

    /// The result of `initialize`.
    ///
    /// # Errors
    /// `Internal` when the capabilities have no JSON form.
    pub fn to_result(&self) -> Result<RawJson> {
        let mut result = json!({
            "protocolVersion": self.protocol_version,
            "capabilities": self.capabilities,
            "serverInfo": self.server_info,
        });
        if let Some(instructions) = &self.instructions {
            result["instructions"] = instructions.as_str().into();
        }
        RawJson::from_value(&result)
    }

    /// The version, if it is known here.
    pub fn version(&self) -> Option<ProtocolVersion> {
        ProtocolVersion::from_date(&self.protocol_version)
    }

    /// Whether the server declared a capability, such as `prompts`.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.get(capability).is_some_and(|value| !value.is_null())
    }
}

pub(super) fn gateway_info() -> Value {
    json!({"name": "mcp-gateway", "title": "MCP Gateway", "version": crate::VERSION})
}
