//! What a gateway of a home is opened with, in a form that every language can write.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::GatewayOptions;
use crate::model::{ProfileName, ServerName};
use crate::profile::{Isolation, NetworkWord, ProfileSpec};

/// What a gateway is opened with; everything has a default.
///
/// # Examples
/// ```
/// use mcp_gateway_core::gateway::home::OpenOptions;
///
/// let text = r#"{
///     "profile": {"name": "dev", "servers": {"time": {}}},
///     "catalogs": ["./catalog.yaml", {"registry": {"time": {"title": "Time", "type": "server", "image": "mcp/time"}}}],
///     "secrets": ["env:GITHUB_TOKEN"],
///     "audit": "memory"
/// }"#;
/// let options: OpenOptions = serde_json::from_str(text)?;
/// assert_eq!(options.catalogs.len(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The folder that holds the state; `MCP_GATEWAY_HOME` or `~/.mcp-gateway` where it is not named.
    pub home: Option<PathBuf>,
    /// The profile; the home's `default` where it is not said.
    pub profile: Option<ProfileSource>,
    /// Where servers are looked up, a later one wins; none means the profile's, or every registered one.
    pub catalogs: Vec<CatalogSource>,
    /// Exactly these servers, with the profile's settings where it has them; the profile's where it is not said.
    pub servers: Option<Vec<ServerName>>,
    /// Only these tools, by `server:tool` globs; what the profile says where it is not said.
    pub tools: Option<Vec<String>>,
    /// `registry.yaml` of Docker's toolkit, whose servers are enabled.
    pub registry: Option<PathBuf>,
    /// `config.yaml` of Docker's toolkit, with configuration values.
    pub config: Option<PathBuf>,
    /// `tools.yaml` of Docker's toolkit, with the tools that are enabled.
    pub tools_config: Option<PathBuf>,
    /// Secret stores in the forms of [`secrets::open`](crate::secrets::open), asked in order before the home's own.
    pub secrets: Vec<String>,
    /// Where records go; the home's file of the profile where it is not said.
    pub audit: Option<AuditSource>,
    /// What may start servers; all that this machine has where it is not said.
    pub runtimes: Option<Vec<RuntimeName>>,
    /// Whether processes are refused that this machine cannot isolate fully.
    pub require_isolation: bool,
    /// Whether agents may find, add and call servers by themselves; what the profile says where it is not said.
    pub dynamic: bool,
    /// Whether lists of tools show the gateway's own alone, which agents find every other one by; `dynamic` goes with it.
    pub lean: bool,
    /// Whether the person at the client may set a secret that a server lacks which is added, on a page of this machine; what
    /// the profile says where it is not said.
    pub secret_page: bool,
    /// The folder of a model of meaning, which finding servers and tools uses beside words; `MCP_GATEWAY_EMBEDDER` where it is
    /// not said, and none where that is not set either.
    pub embedder: Option<PathBuf>,
    /// Which engine is meant, where that is not the one that `docker` uses.
    pub docker: DockerOptions,
    /// What counts where neither profile nor catalog says it.
    pub defaults: DefaultSettings,
    /// Bounds and times of the gateway.
    pub bounds: Bounds,
    /// How long an object of the host's language may take to answer, in seconds; an approver has its own time. Default 30.
    pub host_timeout_seconds: Option<f64>,
    /// How long an approver of the host's language may take, in seconds. Default 300.
    pub approval_timeout_seconds: Option<f64>,
    /// How long a client of the host's language may take to answer what a server asks, in seconds. Default 600.
    pub client_timeout_seconds: Option<f64>,
    /// The threads of a binding that runs its own; no meaning for Rust hosts. Default 2.
    pub worker_threads: Option<usize>,
}

/// A profile of the home by its name, or one that is written down here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProfileSource {
    /// A profile of the home.
    Named(ProfileName),
    /// This profile, for as long as the gateway lives.
    Spec(Box<ProfileSpec>),
}

/// Where servers are described.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CatalogSource {
    /// A registered catalog by its name, or a file or folder by its path.
    Named(String),
    /// A catalog in the form of a catalog file.
    Inline(Map<String, Value>),
}

/// Reads what is a name or an object. By hand, because a derived reader could only say that neither fits.
struct NameOr<T>(&'static str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NameOr<T> {
    type Value = Either<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Either<T>, E> {
        Ok(Either::Name(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Either::Object)
    }
}

enum Either<T> {
    Name(String),
    Object(T),
}

impl<'de> Deserialize<'de> for ProfileSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(NameOr("the name of a profile or a profile", PhantomData))? {
            Either::Name(name) => ProfileName::new(name).map(Self::Named).map_err(de::Error::custom),
            Either::Object(spec) => Ok(Self::Spec(Box::new(spec))),
        }
    }
}

impl<'de> Deserialize<'de> for CatalogSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(NameOr("the name or path of a catalog, or a catalog", PhantomData))? {
            Either::Name(name) => Ok(Self::Named(name)),
            Either::Object(catalog) => Ok(Self::Inline(catalog)),
        }
    }
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum AuditSource {
    /// `memory`: they end with the gateway, which refuses requests once it holds 100,000.
    Memory,
    /// An SQLite file.
    File(PathBuf),
}

impl From<String> for AuditSource {
    fn from(text: String) -> Self {
        if text == "memory" { Self::Memory } else { Self::File(text.into()) }
    }
}

/// What starts servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RuntimeName {
    /// Containers.
    Docker,
    /// Sandboxed processes.
    Process,
    /// Nothing: the servers run elsewhere.
    Remote,
}

/// Which container engine is meant; what is not said, `docker`'s own settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DockerOptions {
    /// Its address, such as `unix:///run/user/1000/docker.sock`.
    pub host: Option<String>,
    /// The name of a context of Docker's client.
    pub context: Option<String>,
    /// The folder of Docker's client configuration.
    pub config: Option<String>,
}

/// What counts where neither profile nor catalog says it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DefaultSettings {
    /// How sessions share servers.
    pub isolation: Option<Isolation>,
    /// How long a server may be idle, such as `5m`; `never` keeps it.
    pub idle: Option<String>,
    /// Memory of each server, such as `512m`.
    pub memory: Option<String>,
    /// Cores of each server.
    pub cpus: Option<f64>,
    /// `none` cuts every server off; `open` opens those whose profile says nothing.
    pub network: Option<NetworkWord>,
}

/// Bounds and times of a gateway; what is not said keeps the default of [`GatewayOptions`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Bounds {
    /// How many servers may be starting at once.
    pub start_concurrency: Option<usize>,
    /// How long a list waits for servers that were never seen, in seconds.
    pub list_wait_seconds: Option<f64>,
    /// How long a pull or an installation may take, in seconds.
    pub prepare_timeout_seconds: Option<f64>,
    /// How many started servers wait for calls, per server that is fresh for each call.
    pub pool_size: Option<usize>,
    /// How many sessions may be open.
    pub max_sessions: Option<usize>,
    /// How many requests may be under way.
    pub max_in_flight: Option<usize>,
    /// How long a client may take to answer what a server asks, in seconds.
    pub question_timeout_seconds: Option<f64>,
    /// How many items one page of a list has.
    pub page_size: Option<usize>,
}

impl Bounds {
    pub(super) fn options(&self) -> Result<GatewayOptions> {
        let mut options = GatewayOptions::default();
        let set = |target: &mut usize, value: Option<usize>| *target = value.unwrap_or(*target);
        set(&mut options.start_concurrency, self.start_concurrency);
        set(&mut options.pool_size, self.pool_size);
        set(&mut options.max_sessions, self.max_sessions);
        set(&mut options.max_in_flight, self.max_in_flight);
        set(&mut options.page_size, self.page_size);
        options.list_wait = seconds("listWaitSeconds", self.list_wait_seconds, options.list_wait)?;
        options.prepare_timeout =
            seconds("prepareTimeoutSeconds", self.prepare_timeout_seconds, options.prepare_timeout)?;
        options.question_timeout =
            seconds("questionTimeoutSeconds", self.question_timeout_seconds, options.question_timeout)?;
        Ok(options)
    }
}

/// A number of seconds as a duration.
pub(super) fn seconds(name: &'static str, value: Option<f64>, default: Duration) -> Result<Duration> {
    let Some(seconds) = value else { return Ok(default) };
    Duration::try_from_secs_f64(seconds).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("`{seconds}` is not a number of seconds to wait"))
            .with_context("option", name)
            .with_source(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_may_be_missing_and_no_part_may_be_unknown() {
        let options: OpenOptions = serde_json::from_str("{}").unwrap();
        assert!(options.profile.is_none());
        assert!(serde_json::from_str::<OpenOptions>(r#"{"profil": "x"}"#).is_err());
        let text =
            r#"{"profile": "dev", "audit": "memory", "bounds": {"listWaitSeconds": 1.5}, "runtimes": ["docker"]}"#;
        let options: OpenOptions = serde_json::from_str(text).unwrap();
        assert!(matches!(options.profile, Some(ProfileSource::Named(_))));
        assert_eq!(options.audit, Some(AuditSource::Memory));
        let wrong = [
            (r#"{"profile": {"name": "x", "server": {}}}"#, "server"),
            (r#"{"profile": {"servers": {}}}"#, "name"),
            (r#"{"profile": "a b"}"#, "a b"),
            (r#"{"profile": 7}"#, "the name of a profile or a profile"),
            (r#"{"catalogs": [7]}"#, "the name or path of a catalog"),
        ];
        for (text, said) in wrong {
            let error = serde_json::from_str::<OpenOptions>(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(seconds("x", Some(-1.0), Duration::ZERO).is_err());
        assert_eq!(options.bounds.options().unwrap().list_wait, Duration::from_millis(1_500));
    }
}
