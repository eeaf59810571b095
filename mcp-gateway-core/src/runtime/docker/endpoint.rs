//! Where the engine listens, found as Docker's own client finds it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::config::DockerRuntimeConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::util::fs;

/// The name of the context that stands for the environment and the usual sockets.
const DEFAULT_CONTEXT: &str = "default";

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Sockets of this machine, of which the first that answers is used.
    Sockets(Vec<PathBuf>),
    /// A named pipe of Windows.
    Pipe(String),
    /// Plain HTTP, `host:port`.
    Tcp(String),
    /// HTTPS with a client certificate, `host:port`.
    Tls(String, TlsFiles),
}

/// The files of a connection by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What the search depends on, so that it can be tested.
pub(super) struct Surroundings<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) exists: &'a dyn Fn(&Path) -> bool,
}

impl Surroundings<'_> {
    /// The folder of Docker's client configuration.
    pub(super) fn config_folder(&self, config: &DockerRuntimeConfig) -> PathBuf {
        let home = || (self.variable)("HOME").or_else(|| (self.variable)("USERPROFILE")).unwrap_or_default();
        config
            .config_folder
            .clone()
            .or_else(|| (self.variable)("DOCKER_CONFIG").map(PathBuf::from))
            .unwrap_or_else(|| Path::new(&home()).join(".docker"))
    }

    /// Finds the engine: what the configuration says, then `DOCKER_HOST`, `DOCKER_CONTEXT`, the client's current context,
    /// and then Docker's and Podman's usual sockets.
    pub(super) fn find(&self, config: &DockerRuntimeConfig) -> Result<Endpoint> {
        let folder = self.config_folder(config);
        if let Some(host) = &config.host {
            return parse_host(host, self.tls_of_environment(&folder));
        }
        if let Some(context) = &config.context {
            return self.context(&folder, context);
        }
        if let Some(host) = (self.variable)("DOCKER_HOST") {
            return parse_host(&host, self.tls_of_environment(&folder));
        }
        match (self.variable)("DOCKER_CONTEXT") {
            Some(context) => self.context(&folder, &context),
            None => match ClientConfig::read(&folder)?.current_context {
                Some(context) if !context.is_empty() => self.context(&folder, &context),
                _ => Ok(self.usual()),
            },
        }
    }

    fn context(&self, folder: &Path, name: &str) -> Result<Endpoint> {
        if name == DEFAULT_CONTEXT {
            return Ok(self.usual());
        }
        let id = hex::encode(Sha256::digest(name.as_bytes()));
        let path = folder.join("contexts/meta").join(&id).join("meta.json");
        let text = fs::read_optional(&path)?.ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, format!("there is no docker context `{name}`"))
                .with_context("file", path.display())
                .with_hint("list the contexts with `docker context ls`, or unset DOCKER_CONTEXT")
        })?;
        let meta: ContextMeta = serde_json::from_str(&text).map_err(|cause| broken(&path, cause))?;
        let docker = meta.endpoints.docker.ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, format!("docker context `{name}` names no docker engine"))
                .with_context("file", path.display())
        })?;
        if docker.skip_tls_verify {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("docker context `{name}` does not check whom it talks to"),
            )
            .with_hint("give the context the engine's certificate authority: `docker context update --docker ca=…`"));
        }
        let tls = folder.join("contexts/tls").join(&id).join("docker");
        let tls = (self.exists)(&tls).then(|| TlsFiles::within(&tls));
        parse_host(&docker.host, tls)
    }

    /// The sockets where Docker and Podman listen on this machine, those that are there first.
    fn usual(&self) -> Endpoint {
        if cfg!(windows) {
            return Endpoint::Pipe("//./pipe/docker_engine".to_owned());
        }
        let runtime = (self.variable)("XDG_RUNTIME_DIR").map(PathBuf::from);
        let home = (self.variable)("HOME").map(PathBuf::from);
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        sockets.extend(runtime.iter().map(|folder| folder.join("docker.sock")));
        sockets.extend(home.iter().map(|folder| folder.join(".docker/run/docker.sock")));
        sockets.extend(runtime.iter().map(|folder| folder.join("podman/podman.sock")));
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        sockets.sort_by_key(|socket| !(self.exists)(socket));
        Endpoint::Sockets(sockets)
    }

    fn tls_of_environment(&self, folder: &Path) -> Option<TlsFiles> {
        (self.variable)("DOCKER_TLS_VERIFY")?;
        let folder = (self.variable)("DOCKER_CERT_PATH").map_or_else(|| folder.to_owned(), PathBuf::from);
        Some(TlsFiles::within(&folder))
    }
}

impl TlsFiles {
    fn within(folder: &Path) -> Self {
        Self { ca: folder.join("ca.pem"), certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
    }
}

impl Endpoint {
    /// Whether the engine shares this machine's files and loopback addresses.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Sockets(_) | Self::Pipe(_) => true,
            Self::Tcp(authority) | Self::Tls(authority, _) => {
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                host == "localhost" || host.starts_with("127.") || host == "[::1]"
            }
        }
    }

    /// The sockets of this machine that command an engine.
    pub(super) fn sockets(&self) -> &[PathBuf] {
        match self {
            Self::Sockets(sockets) => sockets,
            _ => &[],
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets(sockets) => {
                write!(f, "unix://{}", sockets.first().map_or(Path::new(""), PathBuf::as_path).display())
            }
            Self::Pipe(pipe) => write!(f, "npipe:{pipe}"),
            Self::Tcp(authority) | Self::Tls(authority, _) => write!(f, "tcp://{authority}"),
        }
    }
}

/// Reads an address as `DOCKER_HOST` has it.
fn parse_host(host: &str, tls: Option<TlsFiles>) -> Result<Endpoint> {
    let wrong = |kind, why: &str| {
        Error::new(kind, format!("engine address `{host}` {why}"))
            .with_hint("use unix:///path/to.sock, tcp://host:port or npipe:////./pipe/name")
    };
    let (scheme, rest) =
        host.split_once("://").ok_or_else(|| wrong(ErrorKind::InvalidConfig, "has no scheme such as `unix://`"))?;
    if rest.is_empty() {
        return Err(wrong(ErrorKind::InvalidConfig, "names no engine"));
    }
    let authority = |port: u16| {
        let bare = rest.trim_end_matches('/');
        let has_port = bare.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if bare.contains(['/', '@', '?', '#']) || bare.chars().any(char::is_whitespace) {
            return Err(wrong(ErrorKind::InvalidConfig, "is more than a host and a port"));
        }
        Ok(if has_port { bare.to_owned() } else { format!("{bare}:{port}") })
    };
    match (scheme, tls) {
        ("unix", _) => Ok(Endpoint::Sockets(vec![PathBuf::from(rest)])),
        ("npipe", _) => Ok(Endpoint::Pipe(rest.to_owned())),
        ("tcp" | "http", None) => authority(2375).map(Endpoint::Tcp),
        ("tcp" | "https", Some(tls)) => authority(2376).map(|authority| Endpoint::Tls(authority, tls)),
        ("https", None) => Err(wrong(ErrorKind::InvalidConfig, "needs certificates")
            .with_hint("set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")),
        ("ssh", _) => Err(wrong(ErrorKind::Unsupported, "is reached by ssh, which is not supported").with_hint(
            "forward the engine's socket with `ssh -NL /tmp/engine.sock:/var/run/docker.sock <host>` and set DOCKER_HOST=unix:///tmp/engine.sock",
        )),
        _ => Err(wrong(ErrorKind::Unsupported, "has a scheme that is not supported")),
    }
}

/// Docker's client configuration, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClientConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

impl ClientConfig {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        match fs::read_optional(&path)? {
            Some(text) => serde_json::from_str(&text).map_err(|cause| broken(&path, cause)),
            None => Ok(Self::default()),
        }
    }
}

#[derive(Debug, Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints")]
    endpoints: ContextEndpoints,
}

#[derive(Debug, Deserialize)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Debug, Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host")]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// An error about a file of Docker's client; the place is named, the content is not: it can hold credentials.
pub(super) fn broken(path: &Path, cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::InvalidConfig, "file of docker's client cannot be read as JSON")
        .with_context("file", path.display())
        .with_context("line", cause.line())
        .with_context("column", cause.column())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], config: &DockerRuntimeConfig) -> Result<Endpoint> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let exists = |path: &Path| path == Path::new("/run/podman/podman.sock") || fs::exists(path);
        Surroundings { variable: &variable, exists: &exists }.find(config)
    }

    fn with_context(name: &str, meta: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let id = hex::encode(Sha256::digest(name.as_bytes()));
        let file = folder.path().join("contexts/meta").join(id).join("meta.json");
        fs::write_atomic(&file, meta.as_bytes()).unwrap();
        folder
    }

    #[test]
    fn the_environment_is_read_as_dockers_client_reads_it() {
        let config = DockerRuntimeConfig::default();
        let none = ("DOCKER_CONFIG", "/no/such/folder");
        for (host, shown) in [
            ("unix:///run/user/1/docker.sock", "unix:///run/user/1/docker.sock"),
            ("tcp://engine.example:2375", "tcp://engine.example:2375"),
            ("tcp://engine.example", "tcp://engine.example:2375"),
            ("tcp://[::1]:99/", "tcp://[::1]:99"),
            ("npipe:////./pipe/docker_engine", "npipe://./pipe/docker_engine"),
        ] {
            assert_eq!(find(&[none, ("DOCKER_HOST", host)], &config).unwrap().to_string(), shown, "{host}");
        }
        let tls = find(
            &[none, ("DOCKER_HOST", "tcp://e:1"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")],
            &config,
        );
        assert_eq!(tls.unwrap(), Endpoint::Tls("e:1".to_owned(), TlsFiles::within(Path::new("/certs"))));
        for (host, kind) in [
            ("ssh://me@host", ErrorKind::Unsupported),
            ("fd://", ErrorKind::InvalidConfig),
            ("engine:2375", ErrorKind::InvalidConfig),
            ("tcp://user@host:1", ErrorKind::InvalidConfig),
            ("tcp://host:1/path", ErrorKind::InvalidConfig),
            ("https://host", ErrorKind::InvalidConfig),
        ] {
            let error = find(&[none, ("DOCKER_HOST", host)], &config).unwrap_err();
            assert_eq!(error.kind(), kind, "{host}");
            assert!(error.hints().next().is_some());
        }
    }

    #[test]
    fn podman_is_used_where_docker_is_absent() {
        let none = ("DOCKER_CONFIG", "/no/such/folder");
        let Endpoint::Sockets(sockets) =
            find(&[none, ("XDG_RUNTIME_DIR", "/run/user/7")], &DockerRuntimeConfig::default()).unwrap()
        else {
            panic!("not a socket");
        };
        assert!(sockets.contains(&PathBuf::from("/run/user/7/podman/podman.sock")));
        let podman = sockets.iter().position(|socket| socket.starts_with("/run/podman")).unwrap();
        let absent = sockets.iter().position(|socket| socket.starts_with("/run/user/7")).unwrap();
        assert!(podman < absent);
    }

    #[test]
    fn a_context_names_the_engine_and_its_certificates() {
        let folder = with_context(
            "far",
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:9","SkipTLSVerify":false}}}"#,
        );
        let docker_config = folder.path().to_str().unwrap();
        let config = DockerRuntimeConfig::default();
        let variables = [("DOCKER_CONFIG", docker_config), ("DOCKER_CONTEXT", "far")];
        assert_eq!(find(&variables, &config).unwrap(), Endpoint::Tcp("far:9".to_owned()));
        let id = hex::encode(Sha256::digest(b"far"));
        let tls = folder.path().join("contexts/tls").join(id).join("docker");
        fs::create_dir_all(&tls).unwrap();
        assert_eq!(find(&variables, &config).unwrap(), Endpoint::Tls("far:9".to_owned(), TlsFiles::within(&tls)));
        fs::write_atomic(&folder.path().join("config.json"), br#"{"currentContext":"far"}"#).unwrap();
        assert!(matches!(find(&variables[..1], &config).unwrap(), Endpoint::Tls(..)));
        let host = ("DOCKER_HOST", "unix:///x");
        assert!(matches!(find(&[variables[0], host], &config).unwrap(), Endpoint::Sockets(_)));
        assert!(matches!(find(&[variables[0], ("DOCKER_CONTEXT", "default")], &config).unwrap(), Endpoint::Sockets(_)));
        let error = find(&[variables[0], ("DOCKER_CONTEXT", "near")], &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    }

    #[test]
    fn a_context_without_verification_is_refused_and_a_broken_file_is_named() {
        let folder = with_context("lax", r#"{"Endpoints":{"docker":{"Host":"tcp://far:9","SkipTLSVerify":true}}}"#);
        let docker_config = folder.path().to_str().unwrap();
        let config = DockerRuntimeConfig::default();
        let variables = [("DOCKER_CONFIG", docker_config), ("DOCKER_CONTEXT", "lax")];
        assert_eq!(find(&variables, &config).unwrap_err().kind(), ErrorKind::Unsupported);
        fs::write_atomic(&folder.path().join("config.json"), b"{\n  hunter2").unwrap();
        let error = find(&variables[..1], &config).unwrap_err();
        assert!(error.to_string().contains("config.json") && error.to_string().contains("line: 2"), "{error}");
        assert!(!error.report().contains("hunter2"));
    }
}
