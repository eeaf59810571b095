//! What a request says about its sender.

use serde_json::{Value, json};

use crate::model::LogLevel;
use crate::protocol::tasks::without_tasks;
use crate::protocol::{ClientCapabilities, Era, ProtocolVersion, RawJson, RawObject, RpcError, code};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// The keys of `_meta` that belong to one hop.
const HOP: [&str; 4] = [VERSION, CAPABILITIES, CLIENT, LOG_LEVEL];

/// Who sends a request of the stateless era, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestMeta {
    /// The version that the request is written in.
    pub version: ProtocolVersion,
    /// What the client can do, for this request.
    pub capabilities: ClientCapabilities,
    /// From which level on it wants log messages; `None` for none at all.
    pub log_level: Option<LogLevel>,
}

impl RequestMeta {
    /// The meta data of a request of the gateway's own.
    pub fn new(version: ProtocolVersion, capabilities: ClientCapabilities, log_level: Option<LogLevel>) -> Self {
        Self { version, capabilities, log_level }
    }

    /// Whether a request is written in the stateless era.
    pub fn is_in(params: &RawObject) -> bool {
        meta(params).is_some_and(|meta| HOP.iter().any(|key| meta.get(key).is_some()))
    }

    /// The version that a request names, whether it is served or not.
    pub fn named_version(params: &RawObject) -> Option<String> {
        meta(params)?.text(VERSION)
    }

    /// Takes the meta data of the hop out of a request; keys of others stay.
    ///
    /// # Errors
    /// `-32602` when something required is missing or is not what it should be, `-32022` for a version that is not served.
    pub fn take(params: &mut RawObject) -> Result<Self, RpcError> {
        let wrong = |what: &str| RpcError::new(code::INVALID_PARAMS, what.to_owned());
        let mut meta = meta(params).ok_or_else(|| wrong(&format!("`_meta` with `{VERSION}` is missing")))?;
        let text = |meta: &RawObject, key: &str| match meta.get(key) {
            None => Ok(None),
            Some(value) => value.read::<String>().map(Some).map_err(|_| wrong(&format!("`{key}` must be a text"))),
        };
        let named = text(&meta, VERSION)?.ok_or_else(|| wrong(&format!("`_meta` has no `{VERSION}`")))?;
        let version = ProtocolVersion::from_date(&named)
            .filter(|version| version.era() == Era::Stateless)
            .ok_or_else(|| unsupported(&named))?;
        let declared = meta.get(CAPABILITIES).ok_or_else(|| wrong(&format!("`_meta` has no `{CAPABILITIES}`")))?;
        let declared: Value = declared.read().unwrap_or_default();
        if !declared.is_object() {
            return Err(wrong(&format!("`{CAPABILITIES}` must be an object")));
        }
        let log_level = match text(&meta, LOG_LEVEL)? {
            None => None,
            Some(level) => Some(LogLevel::from_name(&level).ok_or_else(|| wrong("log level is not known"))?),
        };
        for key in HOP {
            meta.remove(key);
        }
        put(params, &meta);
        Ok(Self {
            version,
            capabilities: ClientCapabilities::of(&without_tasks(&declared, &[Era::Session])),
            log_level,
        })
    }

    /// Writes the meta data into a request to a server.
    pub fn stamp(&self, params: &mut RawObject) {
        let mut all = meta(params).unwrap_or_default();
        all.set_text(VERSION, self.version.as_str());
        for (key, value) in
            [(CLIENT, crate::protocol::handshake::gateway_info()), (CAPABILITIES, self.capabilities.to_value())]
        {
            // Both are plain JSON.
            if let Ok(value) = RawJson::from_value(&value) {
                all.set(key, value);
            }
        }
        match self.log_level {
            Some(level) => all.set_text(LOG_LEVEL, level.as_str()),
            None => drop(all.remove(LOG_LEVEL)),
        }
        put(params, &all);
    }
}

/// The answer to a version that is not served.
fn unsupported(named: &str) -> RpcError {
    let shown: String = named.chars().take(64).collect();
    let supported: Vec<_> = ProtocolVersion::dates().collect();
    let mut error =
        RpcError::new(code::UNSUPPORTED_VERSION, format!("protocol version `{shown}` is not served in this way"));
    error.data = RawJson::from_value(&json!({"supported": supported, "requested": shown})).ok();
    error
}

fn meta(params: &RawObject) -> Option<RawObject> {
    params.get("_meta")?.object().ok()
}

fn put(params: &mut RawObject, meta: &RawObject) {
    if meta.is_empty() {
        params.remove("_meta");
    } else {
        params.set("_meta", meta.to_raw());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(meta: &Value) -> RawObject {
        RawJson::from_value(&json!({"name": "x", "_meta": meta})).unwrap().object().unwrap()
    }

    #[test]
    fn the_meta_data_of_the_hop_is_taken_and_the_rest_stays() {
        let mut request = params(&json!({
            VERSION: "2026-07-28", CAPABILITIES: {"roots": {}}, CLIENT: {"name": "c"}, LOG_LEVEL: "warning",
            "progressToken": 7, "vendor/key": {"a": 1},
        }));
        assert!(RequestMeta::is_in(&request));
        let meta = RequestMeta::take(&mut request).unwrap();
        assert_eq!((meta.version, meta.log_level), (ProtocolVersion::V20260728, Some(LogLevel::Warning)));
        assert!(meta.capabilities.has("roots"));
        let left: Value = request.to_raw().read().unwrap();
        assert_eq!(left, json!({"name": "x", "_meta": {"progressToken": 7, "vendor/key": {"a": 1}}}));
        assert!(!RequestMeta::is_in(&request));
        meta.stamp(&mut request);
        assert_eq!(RequestMeta::take(&mut request).unwrap(), meta);
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused_by_the_protocols_own_errors() {
        let refused = |meta: Value| RequestMeta::take(&mut params(&meta)).unwrap_err().code;
        assert_eq!(refused(json!({})), code::INVALID_PARAMS);
        assert_eq!(refused(json!({VERSION: "2026-07-28"})), code::INVALID_PARAMS);
        assert_eq!(refused(json!({VERSION: "2026-07-28", CAPABILITIES: 1})), code::INVALID_PARAMS);
        assert_eq!(refused(json!({VERSION: "2025-11-25", CAPABILITIES: {}})), code::UNSUPPORTED_VERSION);
        assert_eq!(refused(json!({VERSION: "2026-07-28", CAPABILITIES: {}, LOG_LEVEL: "loud"})), code::INVALID_PARAMS);
    }
}
