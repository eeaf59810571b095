//! `server.json` as it is written, of every revision from 2025-07-09 on.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::{Map, Value};

/// Where the registry itself says something about a server.
pub(super) const OFFICIAL: &str = "io.modelcontextprotocol.registry/official";

/// One server of a registry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default, alias = "version_detail")]
    pub(super) version_detail: Option<VersionDetail>,
    #[serde(default, alias = "website_url")]
    pub(super) website_url: Option<String>,
    #[serde(default)]
    pub(super) repository: Option<Repository>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) icons: Vec<Icon>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) packages: Vec<Package>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) remotes: Vec<Remote>,
    /// Where it stood before the registry kept it beside the document.
    #[serde(default)]
    pub(super) status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionDetail {
    #[serde(default)]
    pub(super) version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Icon {
    #[serde(default)]
    pub(super) src: Option<String>,
}

/// A package that a server is run from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    #[serde(alias = "registry_type")]
    pub(super) registry_type: String,
    #[serde(default, alias = "registry_base_url")]
    pub(super) registry_base_url: Option<String>,
    pub(super) identifier: String,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default, alias = "file_sha256")]
    pub(super) file_sha256: Option<String>,
    #[serde(default)]
    pub(super) transport: Option<Transport>,
    #[serde(default, alias = "runtime_arguments", deserialize_with = "or_default")]
    pub(super) runtime_arguments: Vec<Argument>,
    #[serde(default, alias = "package_arguments", deserialize_with = "or_default")]
    pub(super) package_arguments: Vec<Argument>,
    #[serde(default, alias = "environment_variables", deserialize_with = "or_default")]
    pub(super) environment_variables: Vec<KeyValue>,
}

/// How a package is spoken to.
#[derive(Debug, Deserialize)]
pub(super) struct Transport {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<KeyValue>,
}

/// A server that runs elsewhere.
#[derive(Debug, Deserialize)]
pub(super) struct Remote {
    #[serde(rename = "type", alias = "transport_type")]
    pub(super) kind: String,
    pub(super) url: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) headers: Vec<KeyValue>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) variables: IndexMap<String, Input>,
}

/// A value that is fixed, or that whoever uses the server gives.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default, alias = "is_required", deserialize_with = "or_default")]
    pub(super) is_required: bool,
    #[serde(default, alias = "is_secret", deserialize_with = "or_default")]
    pub(super) is_secret: bool,
    #[serde(default)]
    pub(super) format: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    pub(super) value: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    pub(super) default: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    pub(super) placeholder: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) choices: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) variables: IndexMap<String, Self>,
}

/// A header or an environment variable.
#[derive(Debug, Deserialize)]
pub(super) struct KeyValue {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) input: Input,
}

/// A word of a command line, or an option with its value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Argument {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default, alias = "value_hint")]
    pub(super) value_hint: Option<String>,
    #[serde(default, alias = "is_repeated", deserialize_with = "or_default")]
    pub(super) is_repeated: bool,
    #[serde(flatten)]
    pub(super) input: Input,
}

/// What the registry says of a server, apart from what its publisher wrote.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Official {
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default, alias = "status_message")]
    pub(super) status_message: Option<String>,
    #[serde(default, alias = "published_at")]
    pub(super) published_at: Option<String>,
    #[serde(default, alias = "updated_at")]
    pub(super) updated_at: Option<String>,
    #[serde(default, alias = "status_changed_at")]
    pub(super) status_changed_at: Option<String>,
    #[serde(default, alias = "is_latest")]
    pub(super) is_latest: Option<bool>,
}

impl Official {
    /// The registry's own word beside a document; what is not readable says nothing.
    pub(super) fn of(meta: Option<&Map<String, Value>>) -> Self {
        let said = meta.and_then(|meta| meta.get(OFFICIAL));
        said.and_then(|said| Self::deserialize(said).ok()).unwrap_or_default()
    }
}

/// A value, or its default where nothing or `null` is written.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A text, or a number or boolean as it is written.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(_) => Err(de::Error::custom("expected a text")),
    }
}
