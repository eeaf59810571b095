//! What a person writes into a profile.

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApprovalSpec, AuditSpec, DeliverySpec, DynamicSpec, OAuthSpec, PolicySpec, QuotaSpec, RedactionSpec, SurfacesSpec,
    VerifySpec,
};
use crate::catalog::ScopeSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Limits, ProfileName, ServerName, VerifyMode, parse_memory};

/// A profile's file.
///
/// ```yaml
/// name: dev-tools
/// servers:
///   time: {}
///   github:
///     tools: ["get_*", "search_*"]
///     config: {host: github.example.com}
///     limits: {memory: 512m, cpus: 0.5}
///     network: ["api.github.com:443"]
/// policy:
///   default: allow
///   rules:
///     - {match: "github.delete_*", effect: deny, reason: deleting is done by people}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ProfileSpec {
    /// The profile's name.
    pub name: ProfileName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Catalogs that it takes its servers from, in order; none means the catalogs of the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogs: Vec<String>,
    /// Its servers, in the order in which they get their tools' bare names.
    #[serde(default, deserialize_with = "servers")]
    pub servers: IndexMap<ServerName, ServerSpec>,
    /// Tools by `server:tool` globs; none means all. A glob that begins with `!` takes tools out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Limits of every server, before its own.
    #[serde(default, skip_serializing_if = "LimitsSpec::is_empty")]
    pub limits: LimitsSpec,
    /// How sessions share servers; a server may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What may happen with requests.
    #[serde(default, skip_serializing_if = "PolicySpec::is_default")]
    pub policy: PolicySpec,
    /// How people are asked about what it lets through with a confirmation only.
    #[serde(default, skip_serializing_if = "ApprovalSpec::is_default")]
    pub approval: ApprovalSpec,
    /// What the audit trail holds.
    #[serde(default, skip_serializing_if = "AuditSpec::is_default")]
    pub audit: AuditSpec,
    /// Whether agents may find, add and call servers by themselves.
    #[serde(default, skip_serializing_if = "DynamicSpec::is_default")]
    pub dynamic: DynamicSpec,
    /// How much may flow; every one that fits holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<QuotaSpec>,
    /// What happens to secrets in what flows; a server may differ.
    #[serde(default, skip_serializing_if = "RedactionSpec::is_empty")]
    pub redaction: RedactionSpec,
    /// Which images must be signed, and by whom.
    #[serde(default, skip_serializing_if = "VerifySpec::is_default")]
    pub verify: VerifySpec,
    /// Which of the servers that catalogs describe exist; it narrows what the organisation's own scope lets in.
    #[serde(default, skip_serializing_if = "ScopeSpec::is_empty")]
    pub scope: ScopeSpec,
    /// What is held back of what servers offer, until an operator has looked at it.
    #[serde(default, skip_serializing_if = "SurfacesSpec::is_default")]
    pub surfaces: SurfacesSpec,
}

impl ProfileSpec {
    /// A profile without servers.
    pub fn new(name: ProfileName) -> Self {
        Self {
            name,
            description: None,
            catalogs: Vec::new(),
            servers: IndexMap::new(),
            tools: Vec::new(),
            limits: LimitsSpec::default(),
            isolation: None,
            policy: PolicySpec::default(),
            approval: ApprovalSpec::default(),
            audit: AuditSpec::default(),
            dynamic: DynamicSpec::default(),
            redaction: RedactionSpec::default(),
            quotas: Vec::new(),
            verify: VerifySpec::default(),
            scope: ScopeSpec::default(),
            surfaces: SurfacesSpec::default(),
        }
    }

    /// Adds a server.
    #[must_use]
    pub fn with_server(mut self, name: ServerName, spec: ServerSpec) -> Self {
        self.servers.insert(name, spec);
        self
    }

    /// Says what may happen with its requests.
    #[must_use]
    pub fn with_policy(mut self, policy: PolicySpec) -> Self {
        self.policy = policy;
        self
    }
}

/// One server of a profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerSpec {
    /// Its tools by name globs; none means all. A glob that begins with `!` takes tools out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Values for its catalog entry's configuration, by key.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub config: IndexMap<String, Value>,
    /// Secrets that are kept under another name: environment variable to key. Names, never values.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub secrets: IndexMap<String, String>,
    /// How it is given its secrets, where that differs from its catalog entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliverySpec>,
    /// The hosts that secrets with `delivery: header` are for, `host:port`, by the secrets' names; counts before the catalog's.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub secret_hosts: IndexMap<String, Vec<String>>,
    /// What it may use of the machine.
    #[serde(skip_serializing_if = "LimitsSpec::is_empty")]
    pub limits: LimitsSpec,
    /// What it may reach, where that differs from its catalog entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSpec>,
    /// How sessions share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// How long it may be idle before it is stopped, such as `5m`; `never` keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// Host paths that its volumes may write to; every other bind is read-only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// What runs it, `docker`, `process` or `remote`, where more than one could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Whether a remote server may be at a loopback or private address, or without TLS, and listed hosts at such addresses.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
    /// How its tokens are got, where that is not to be found out from the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthSpec>,
    /// What happens to secrets in what flows, where that differs from the profile's word.
    #[serde(skip_serializing_if = "RedactionSpec::is_empty")]
    pub redaction: RedactionSpec,
    /// What happens when its image is not signed, whatever profile and catalog say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyMode>,
}

/// What a server may reach: `none`, `open`, or a list of `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum NetworkSpec {
    /// `none` or `open`.
    Word(NetworkWord),
    /// Only these, `host:port`.
    Hosts(Vec<String>),
}

/// The network rules that are one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NetworkWord {
    /// No network.
    None,
    /// Everything.
    Open,
}

impl<'de> Deserialize<'de> for NetworkSpec {
    // By hand, because a derived reader of several forms could only say that none of them fits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NetworkVisitor;

        impl<'de> Visitor<'de> for NetworkVisitor {
            type Value = NetworkSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `open` or a list of `host:port`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<NetworkSpec, E> {
                NetworkWord::deserialize(word.into_deserializer()).map(NetworkSpec::Word)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<NetworkSpec, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(access)).map(NetworkSpec::Hosts)
            }
        }

        deserializer.deserialize_any(NetworkVisitor)
    }
}

/// How sessions share a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Isolation {
    /// A fresh one for each call.
    Call,
    /// One for each session.
    #[default]
    Session,
    /// One for all sessions of the profile.
    Shared,
}

/// Limits as a person writes them; what is not written keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsSpec {
    /// Memory, such as `512m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Cores, such as `0.5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// How long one call may take, such as `90s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_timeout: Option<String>,
    /// How long a start may take, such as `2m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<String>,
    /// The largest message from the server, such as `16m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_message: Option<String>,
}

impl LimitsSpec {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The limits with what is written here.
    ///
    /// # Errors
    /// `InvalidInput` for an amount or duration that is none.
    pub fn apply(&self, mut limits: Limits) -> Result<Limits> {
        if let Some(memory) = &self.memory {
            limits.memory_bytes = parse_memory(memory)?;
        }
        if let Some(cpus) = self.cpus {
            if !cpus.is_finite() || cpus <= 0.0 {
                return Err(Error::new(ErrorKind::InvalidInput, format!("`{cpus}` is not a number of cores")));
            }
            limits.cpus = cpus;
        }
        if let Some(pids) = self.pids {
            limits.pids = pids.max(1);
        }
        if let Some(timeout) = &self.call_timeout {
            limits.call_timeout = parse_duration(timeout)?;
        }
        if let Some(timeout) = &self.start_timeout {
            limits.start_timeout = parse_duration(timeout)?;
        }
        if let Some(bytes) = &self.max_message {
            limits.max_message_bytes = usize::try_from(parse_memory(bytes)?).unwrap_or(usize::MAX);
        }
        Ok(limits)
    }
}

/// Reads servers; one without anything after its name is one without settings.
fn servers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexMap<ServerName, ServerSpec>, D::Error> {
    let servers: IndexMap<ServerName, Option<ServerSpec>> = IndexMap::deserialize(deserializer)?;
    Ok(servers.into_iter().map(|(name, spec)| (name, spec.unwrap_or_default())).collect())
}

/// Reads a duration such as `90s` or `5m`.
///
/// # Errors
/// `InvalidInput` when it is none.
pub fn parse_duration(text: &str) -> Result<Duration> {
    humantime::parse_duration(text).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a duration"))
            .with_hint("write a number with a unit, such as `90s` or `5m`")
            .with_source(cause)
    })
}
