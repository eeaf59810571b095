//! How a profile's trail is kept, as a person writes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ProfileSpec, ServerSpec, parse_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::model::parse_memory;

/// What the audit trail holds, and how it is kept.
///
/// ```yaml
/// audit:
///   arguments: false
///   seal: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
///   durability: full
///   onOverload: spill
///   rotate: {size: 64m, age: 30d}
///   retain: 365d
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditSpec {
    /// Whether argument values are recorded; never secrets.
    pub arguments: bool,
    /// To whom arguments and results are sealed: a recipient of age, `age1…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// What a record survives: a crash of the gateway, or also a loss of power.
    #[serde(skip_serializing_if = "AuditDurability::is_default")]
    pub durability: AuditDurability,
    /// What happens with records that cannot be written now.
    #[serde(skip_serializing_if = "OnOverload::is_default")]
    pub on_overload: OnOverload,
    /// After how many records a checkpoint is signed; 1,000 where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<u64>,
    /// When older records are moved into a closed file.
    #[serde(skip_serializing_if = "RotateSpec::is_default")]
    pub rotate: RotateSpec,
    /// How long closed files are kept, such as `365d`; for ever where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain: Option<String>,
}

/// What a record survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum AuditDurability {
    /// A crash of the gateway.
    #[default]
    Normal,
    /// Also a crash of the machine and a loss of power.
    Full,
}

/// What happens with records that cannot be written now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OnOverload {
    /// The call waits, and is refused in the end.
    #[default]
    Block,
    /// The record goes into a spill file and joins the trail later; the call goes on.
    Spill,
}

/// When older records are moved into a closed file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RotateSpec {
    /// Once they take up so much room, such as `64m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Once the oldest is so old, such as `30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
}

impl AuditDurability {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl OnOverload {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl RotateSpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The size in bytes.
    ///
    /// # Errors
    /// `InvalidInput` when it is no amount.
    pub fn bytes(&self) -> Result<Option<u64>> {
        self.size.as_deref().map(parse_memory).transpose()
    }

    /// The age.
    ///
    /// # Errors
    /// `InvalidInput` when it is no duration.
    pub fn age(&self) -> Result<Option<Duration>> {
        self.age.as_deref().map(parse_duration).transpose()
    }
}

impl ServerSpec {
    /// The settings as records have them: of the configuration, its keys and no values.
    pub(crate) fn to_record(&self) -> Value {
        let mut record = serde_json::to_value(self).unwrap_or_default();
        hide(&mut record);
        record
    }
}

impl ProfileSpec {
    /// The profile as records have it: of its servers' configuration, its keys and no values.
    #[cfg(feature = "gateway-home")]
    pub(crate) fn to_record(&self) -> Value {
        let mut record = serde_json::to_value(self).unwrap_or_default();
        if let Some(servers) = record.get_mut("servers").and_then(Value::as_object_mut) {
            servers.values_mut().for_each(hide);
        }
        record
    }
}

/// Leaves the keys of a server's configuration.
fn hide(server: &mut Value) {
    if let Some(config) = server.get_mut("config") {
        *config = config.as_object().map(|config| config.keys().cloned().collect()).unwrap_or_default();
    }
}

impl AuditSpec {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long closed files are kept.
    ///
    /// # Errors
    /// `InvalidInput` when it is no duration.
    pub fn retention(&self) -> Result<Option<Duration>> {
        self.retain.as_deref().map(parse_duration).transpose()
    }

    /// The first key with a value that cannot be right, and why.
    pub(super) fn fault(&self) -> Option<(&'static [&'static str], Error)> {
        let wrong = |why: String, hint: &'static str| Error::new(ErrorKind::InvalidInput, why).with_hint(hint);
        if let Err(error) = self.rotate.bytes() {
            return Some((&["audit", "rotate", "size"], error));
        }
        if let Err(error) = self.rotate.age() {
            return Some((&["audit", "rotate", "age"], error));
        }
        match self.retention() {
            Err(error) => return Some((&["audit", "retain"], error)),
            Ok(Some(_)) if self.rotate.is_default() => {
                let why = "only closed audit files can be dropped, and none is ever closed";
                return Some((
                    &["audit", "retain"],
                    wrong(why.to_owned(), "write `rotate`, too, such as `{age: 30d}`"),
                ));
            }
            Ok(_) => {}
        }
        if self.checkpoint_every == Some(0) {
            let hint = "write a number of records, such as `1000`";
            return Some((&["audit", "checkpointEvery"], wrong("`0` is no number of records".to_owned(), hint)));
        }
        let seal = self.seal.as_deref().filter(|seal| !seal.starts_with("age1"))?;
        let hint = "write the public key that `age-keygen` prints, `age1…`";
        Some((&["audit", "seal"], wrong(format!("`{seal}` is not a recipient of age"), hint)))
    }

    /// Refuses to leave out what the operator asked for.
    #[cfg(not(feature = "audit-seal"))]
    pub(crate) fn ensure_unsealed(&self) -> Result<()> {
        if self.seal.is_none() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, "this build cannot seal audit payloads")
            .with_hint("build it with the feature `audit-seal`, or take `audit.seal` out of the profile"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_named() {
        let spec = |text: &str| serde_json::from_str::<AuditSpec>(text).unwrap();
        let right =
            r#"{"rotate": {"size": "64m", "age": "30d"}, "retain": "365d", "onOverload": "spill", "seal": "age1x"}"#;
        assert!(spec(right).fault().is_none());
        assert!(spec("{}").fault().is_none() && spec("{}").is_default());
        for (text, key) in [
            (r#"{"rotate": {"size": "many"}}"#, "size"),
            (r#"{"rotate": {"age": "old"}}"#, "age"),
            (r#"{"retain": "365d"}"#, "retain"),
            (r#"{"retain": "x", "rotate": {"age": "1d"}}"#, "retain"),
            (r#"{"checkpointEvery": 0}"#, "checkpointEvery"),
            (r#"{"seal": "ssh-ed25519 AAAA"}"#, "seal"),
        ] {
            let (path, error) = spec(text).fault().unwrap();
            assert_eq!(path.last(), Some(&key), "{text}");
            assert!(error.hints().next().is_some(), "{text}");
        }
        assert!(serde_json::from_str::<AuditSpec>(r#"{"onOverload": "drop"}"#).is_err());
    }

    #[test]
    fn records_have_no_values_of_the_configuration() {
        let text = r#"{"name": "dev", "servers": {"a": {"config": {"pin": "hunter2"}, "tools": ["get_*"]}}}"#;
        let spec: ProfileSpec = serde_json::from_str(text).unwrap();
        let record = spec.to_record();
        assert_eq!(record["servers"]["a"], serde_json::json!({"config": ["pin"], "tools": ["get_*"]}));
        assert_eq!(spec.servers[0].to_record(), record["servers"]["a"]);
    }
}
