//! A server as a catalog describes it, with every field of Docker's catalog format.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Limits, SecretDelivery, ServerName, Signer, VerifyMode};

/// One server of a catalog.
///
/// Texts may hold template expressions, `{{server.key|function}}`; they are expanded when a server is launched.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerEntry {
    /// The name it goes by.
    pub name: ServerName,
    /// How it is run.
    #[serde(rename = "type")]
    pub kind: ServerKind,
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The image that it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Arguments to the image's entry point.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Volumes and binds, `source:target[:mode]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// The user that it runs as in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Environment variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvEntry>,
    /// Secrets that it needs; it receives these and no other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretEntry>,
    /// Configuration values, as JSON-schema objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ConfigEntry>,
    /// Hosts that it may reach, `host:port`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// Whether it must run without any network.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_network: bool,
    /// Extra lines of the container's hosts file, `name:address`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// Whether it keeps state between calls and must not be stopped when idle.
    #[serde(skip_serializing_if = "is_false")]
    pub long_lived: bool,
    /// Where a remote server is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteEntry>,
    /// The older way to name a remote HTTP+SSE server.
    #[serde(rename = "sseEndpoint", skip_serializing_if = "Option::is_none")]
    pub sse_endpoint: Option<String>,
    /// OAuth providers whose tokens it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthEntry>,
    /// Its tools, as far as the catalog knows them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolEntry>,
    /// A prefix for the names of its tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Category, tags, licence and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Policy of the catalog's author, as written.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub policy: Value,
    /// Limits that the catalog sets; `None` fields of the file keep their defaults.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "resources")]
    pub resources: Option<Limits>,
    /// How it is run as a process, where there is no image or no engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessEntry>,
    /// The port and path that it serves streamable HTTP on inside its container; `None` speaks stdio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// Who signs its image, its catalog says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// What happens with an image that is not signed, where the catalog or whoever registered it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyMode>,
    /// An icon's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The address of its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
    /// The address of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Who approved the entry for those who use the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<EntryApproval>,
    /// The catalog that it came from: the name of a registered one, or `file:`, `inline:` or `host:` and what it is called.
    ///
    /// Whoever layers catalogs sets it; no file can.
    #[serde(rename = "catalog", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ServerEntry {
    /// An entry with nothing but a name and a kind.
    pub fn new(name: ServerName, kind: ServerKind) -> Self {
        Self {
            name,
            kind,
            title: None,
            description: None,
            image: None,
            command: Vec::new(),
            volumes: Vec::new(),
            user: None,
            env: Vec::new(),
            secrets: Vec::new(),
            config: Vec::new(),
            allow_hosts: Vec::new(),
            disable_network: false,
            extra_hosts: Vec::new(),
            long_lived: false,
            remote: None,
            sse_endpoint: None,
            oauth: None,
            tools: Vec::new(),
            prefix: None,
            metadata: None,
            policy: Value::Null,
            resources: None,
            process: None,
            http: None,
            signer: None,
            verify: None,
            icon: None,
            readme: None,
            upstream: None,
            approved: None,
            source: None,
            extra: Map::new(),
        }
    }

    /// An entry for a server that runs in an image.
    pub fn image(name: ServerName, image: impl Into<String>) -> Self {
        let mut entry = Self::new(name, ServerKind::Server);
        entry.image = Some(image.into());
        entry
    }

    /// An entry for a server that runs as a process.
    pub fn process(name: ServerName, process: ProcessEntry) -> Self {
        let mut entry = Self::new(name, ServerKind::Server);
        entry.process = Some(process);
        entry
    }
}

/// Who approved an entry, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct EntryApproval {
    /// Who.
    pub by: String,
    /// When, in the form of RFC 3339.
    pub at: String,
    /// What there is to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The fingerprint of what was approved; without it, the approval is of whatever the entry says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

impl EntryApproval {
    /// An approval by someone at a time.
    pub fn new(by: impl Into<String>, at: impl Into<String>) -> Self {
        Self { by: by.into(), at: at.into(), note: None, entry: None }
    }
}

/// How a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ServerKind {
    /// A server that the gateway starts.
    Server,
    /// A server that runs elsewhere.
    Remote,
    /// Tools that are one container run each.
    Poci,
}

/// An environment variable of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvEntry {
    /// The variable's name.
    pub name: String,
    /// Its value, perhaps with template expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Keys that only describe it: `example`, `description`, `default`, `required`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A secret that a server needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SecretEntry {
    /// The secret's name in the store, usually `server.key`.
    pub name: String,
    /// The environment variable that carries it into the server.
    pub env: String,
    /// Whether the server can start without it; the format's default is that it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// How the server is given it, where the catalog says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<SecretDelivery>,
    /// The hosts that it is for, `host:port`, where it is given as [`SecretDelivery::Header`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Keys that only describe it: `example`, `description`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SecretEntry {
    /// A secret that the server cannot start without.
    pub fn new(name: impl Into<String>, env: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            env: env.into(),
            required: None,
            delivery: None,
            hosts: Vec::new(),
            extra: Map::new(),
        }
    }
}

/// Configuration values of a server, as a JSON-schema object with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// The name that template expressions use, usually the server's.
    pub name: String,
    /// The schema as written: `type`, `properties`, `required`, `description`, …
    #[serde(flatten)]
    pub schema: Map<String, Value>,
}

/// Where a remote server is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RemoteEntry {
    /// Its address.
    pub url: String,
    /// Its transport.
    #[serde(rename = "transport_type")]
    pub transport: RemoteTransport,
    /// Headers on every request; values may name secrets as `${ENV}` or hold template expressions.
    pub headers: IndexMap<String, String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl RemoteEntry {
    /// A remote server without headers.
    pub fn new(url: impl Into<String>, transport: RemoteTransport) -> Self {
        Self { url: url.into(), transport, headers: IndexMap::new(), extra: Map::new() }
    }
}

/// The transport of a remote server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum RemoteTransport {
    /// Streamable HTTP.
    #[serde(rename = "streamable-http")]
    StreamableHttp,
    /// HTTP+SSE of protocol version 2024-11-05.
    #[serde(rename = "sse")]
    Sse,
}

/// OAuth providers whose tokens a server needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OAuthEntry {
    /// The providers.
    pub providers: Vec<OAuthProvider>,
    /// The scopes to ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One OAuth provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OAuthProvider {
    /// The provider's name.
    pub provider: String,
    /// The secret that the token is kept as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The environment variable that carries the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A tool as far as a catalog knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolEntry {
    /// The tool's name.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its arguments, in the catalog's own form: a list of `{name, type, desc, optional, items}`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
    /// Its parameters as a JSON schema, for container tools.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// MCP tool annotations.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub annotations: Value,
    /// The container that one call of this tool runs, for `type: poci`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ToolContainer>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The container that one call of a `type: poci` tool runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolContainer {
    /// The image.
    pub image: String,
    /// The command; `{{argument|into}}` puts an argument in.
    pub command: Vec<String>,
    /// Volumes and binds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// The user in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How a server is run as a sandboxed process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProcessEntry {
    /// What is run.
    #[serde(flatten)]
    pub package: ProcessPackage,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Paths that it may read, beside its own files and the system's libraries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Paths that it may write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ProcessEntry {
    /// A process of a package, without arguments or extra paths.
    pub fn new(package: ProcessPackage) -> Self {
        Self { package, args: Vec::new(), read: Vec::new(), write: Vec::new(), extra: Map::new() }
    }
}

/// What a process server is run from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProcessPackage {
    /// A program on this machine: an absolute path, or a name that is looked up in the system's folders.
    Command(String),
    /// A package of the npm registry, `name@version`, run as `npx` would.
    Npm(String),
    /// A package of PyPI, `name==version`, run as `uvx` would.
    Pypi(String),
}

impl fmt::Display for ProcessPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(program) => f.write_str(program),
            Self::Npm(package) => write!(f, "npm:{package}"),
            Self::Pypi(package) => write!(f, "pypi:{package}"),
        }
    }
}

/// Category, tags, licence and the like.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Metadata {
    /// The category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Keys that this version does not know, kept as they were: `pulls`, `githubStars`, …
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Writes what differs from the defaults, in the form in which catalogs are read.
#[expect(clippy::ref_option, reason = "serde asks for a reference to the field")]
fn resources<S: Serializer>(resources: &Option<Limits>, serializer: S) -> Result<S::Ok, S::Error> {
    let (limits, default) = (resources.unwrap_or_default(), Limits::default());
    let mut written = Map::new();
    if limits.memory_bytes != default.memory_bytes {
        written.insert("memory".to_owned(), limits.memory_bytes.to_string().into());
    }
    if limits.cpus.to_bits() != default.cpus.to_bits() {
        written.insert("cpus".to_owned(), limits.cpus.into());
    }
    if limits.pids != default.pids {
        written.insert("pids".to_owned(), limits.pids.into());
    }
    IndexMap::from([("limits", written)]).serialize(serializer)
}
