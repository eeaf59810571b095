//! The `server/discover` exchange.

use serde::Deserialize;
use serde_json::{Value, json};

use super::outcome::SERVER;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::handshake::gateway_info;
use crate::protocol::tasks::without_tasks;
use crate::protocol::{Era, ProtocolVersion, RawJson, RpcError, ServerHello, code};

/// What a server says about itself in the stateless era.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Discovered {
    /// The versions that the server speaks.
    pub supported_versions: Vec<String>,
    /// The server's capabilities, as it declared them.
    #[serde(default)]
    pub capabilities: Value,
    /// The server's instructions to the model.
    #[serde(default)]
    pub instructions: Option<String>,
    #[serde(default, rename = "_meta")]
    meta: Value,
}

impl Discovered {
    /// Reads an answer to `server/discover`.
    ///
    /// # Errors
    /// `Protocol` when it is none.
    pub fn read(result: &RawJson) -> Result<Self> {
        result.read()
    }

    /// Which version of the stateless era to go on with, where the server speaks one.
    pub fn version(&self) -> Option<ProtocolVersion> {
        ProtocolVersion::newest_stateless(self.supported_versions.iter().map(String::as_str))
    }

    /// The same as the answer to a handshake would say it.
    ///
    /// # Errors
    /// `Protocol` when the server speaks no version of this era that is known here.
    pub fn into_hello(self) -> Result<ServerHello> {
        let version = self.version().ok_or_else(|| {
            Error::new(ErrorKind::Protocol, "server speaks no protocol version that is known here")
                .with_context("versions", self.supported_versions.join(", "))
        })?;
        Ok(ServerHello {
            protocol_version: version.as_str().to_owned(),
            capabilities: self.capabilities,
            server_info: self.meta.get(SERVER).cloned().unwrap_or_default(),
            instructions: self.instructions,
        })
    }

    /// What the gateway answers to a client.
    ///
    /// # Errors
    /// `Internal` when the capabilities have no JSON form.
    pub fn of_gateway(capabilities: &Value, instructions: Option<&str>) -> Result<RawJson> {
        let versions: Vec<_> = ProtocolVersion::dates().collect();
        let capabilities = without_tasks(capabilities, &[Era::Session]);
        let mut result = json!({
            "resultType": "complete",
            "supportedVersions": versions,
            "capabilities": capabilities,
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {SERVER: gateway_info()},
        });
        if let Some(instructions) = instructions {
            result["instructions"] = instructions.into();
        }
        RawJson::from_value(&result)
    }

    /// Whether an error to `server/discover` comes from a server of the stateless era, which must not be greeted by a
    /// handshake then.
    pub fn is_of_this_era(error: &RpcError) -> bool {
        matches!(error.code, code::HEADER_MISMATCH | code::MISSING_CAPABILITY | code::UNSUPPORTED_VERSION)
    }

    /// Whether a server of the stateless era says that it speaks only versions with a handshake.
    pub fn asks_for_handshake(error: &RpcError) -> bool {
        let supported = error.data.as_ref().and_then(|data| data.read::<Value>().ok());
        let supported = supported.as_ref().and_then(|data| data["supported"].as_array());
        error.code == code::UNSUPPORTED_VERSION
            && supported.is_some_and(|dates| {
                ProtocolVersion::newest_stateless(dates.iter().filter_map(Value::as_str)).is_none()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_answer_can_be_read() {
        let answer = Discovered::of_gateway(&json!({"tools": {}}), Some("be kind")).unwrap();
        let hello = Discovered::read(&answer).unwrap().into_hello().unwrap();
        assert_eq!(hello.protocol_version, "2026-07-28");
        assert_eq!(hello.server_info["name"], "mcp-gateway");
        assert_eq!(hello.instructions.as_deref(), Some("be kind"));
        assert!(Discovered::read(&RawJson::parse("{}").unwrap()).is_err());
    }

    #[test]
    fn an_error_tells_the_era() {
        let error = |number, data: Value| {
            let mut error = RpcError::new(number, "no");
            error.data = RawJson::from_value(&data).ok();
            error
        };
        assert!(!Discovered::is_of_this_era(&error(code::METHOD_NOT_FOUND, Value::Null)));
        let old = error(code::UNSUPPORTED_VERSION, json!({"supported": ["2025-11-25"]}));
        assert!(Discovered::is_of_this_era(&old) && Discovered::asks_for_handshake(&old));
        let newer = error(code::UNSUPPORTED_VERSION, json!({"supported": ["2026-07-28"]}));
        assert!(!Discovered::asks_for_handshake(&newer));
    }
}
