//! Credentials for registries, from where Docker's client keeps them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tracing::warn;
use zeroize::Zeroizing;

use super::endpoint::broken;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ImageReference, RegistryLogin, SecretValue};
use crate::util::fs;

/// The name under which credentials for Docker Hub are kept.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// How long a helper may take; some ask a person.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that a helper may say.
const MAX_HELPER_ANSWER: u64 = 64 * 1024;

/// What a helper gives as user name when the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// Finds credentials for registries.
#[derive(Clone, Debug)]
pub(super) struct CredentialStore {
    folder: PathBuf,
}

/// One registry's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Credentials {
    server: String,
    login: RegistryLogin,
}

impl CredentialStore {
    /// The credentials in a folder of Docker's client configuration.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The credentials for the registry of an image, in the engine's form.
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub(super) async fn find(&self, image: &ImageReference) -> Result<Option<DockerCredentials>> {
        Ok(self.credentials(image).await?.map(Credentials::into_engine))
    }

    /// The credentials for the registry of an image, for those who ask it themselves.
    ///
    /// # Errors
    /// `InvalidConfig` when the file cannot be read.
    pub(super) async fn login(&self, image: &ImageReference) -> Result<Option<RegistryLogin>> {
        Ok(self.credentials(image).await?.map(|found| found.login))
    }

    /// The credentials for the registry of an image, if there are any.
    ///
    /// # Behavior
    /// - The file is read anew each time, so that a `docker login` meanwhile counts.
    /// - A helper that fails is reported to the log, and the image is then asked for without credentials, as Docker does.
    ///
    /// # Errors
    /// `InvalidConfig` when the file cannot be read.
    async fn credentials(&self, image: &ImageReference) -> Result<Option<Credentials>> {
        let path = self.folder.join("config.json");
        let Some(text) = fs::read_optional(&path)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let file: ConfigFile = serde_json::from_str(&text).map_err(|cause| broken(&path, cause))?;
        let server = match image.registry() {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
            registry => registry,
        };
        if let Some(helper) = file.helper(server) {
            match ask_helper(helper, server).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => warn!(helper, server, error = %error.report(), "credential helper failed"),
            }
        }
        file.login(server, &path)
    }
}

impl Credentials {
    fn into_engine(self) -> DockerCredentials {
        let server = DockerCredentials { serveraddress: Some(self.server), ..DockerCredentials::default() };
        match self.login {
            RegistryLogin::Password { user, password } => {
                DockerCredentials { username: Some(user), password: Some(password.expose().to_owned()), ..server }
            }
            RegistryLogin::IdentityToken(token) => {
                DockerCredentials { identitytoken: Some(token.expose().to_owned()), ..server }
            }
        }
    }
}

/// Docker's client configuration, as far as credentials go.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: HashMap<String, AuthEntry>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
}

/// A secret, as it is read from JSON.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
struct Secret(SecretValue);

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(SecretValue::new(value))
    }
}

impl ConfigFile {
    /// The helper for a registry: its own, or the one for all.
    fn helper(&self, server: &str) -> Option<&str> {
        let own = self.cred_helpers.iter().find(|(key, _)| host_of(key) == host_of(server));
        own.map(|(_, helper)| helper).or(self.creds_store.as_ref()).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The credentials that the file itself holds for a registry.
    fn login(&self, server: &str, path: &Path) -> Result<Option<Credentials>> {
        let found = self
            .auths
            .get_key_value(server)
            .or_else(|| self.auths.iter().find(|(key, _)| host_of(key) == host_of(server)));
        let Some((key, entry)) = found else {
            return Ok(None);
        };
        let wrong = || {
            Error::new(ErrorKind::InvalidConfig, format!("credentials for `{key}` cannot be read"))
                .with_context("file", path.display())
                .with_hint(format!("run `docker login {}` again", host_of(key)))
        };
        let login = if let Some(Secret(token)) = entry.identitytoken.as_ref().filter(|token| !token.0.is_empty()) {
            RegistryLogin::IdentityToken(token.clone())
        } else if let Some(Secret(auth)) = entry.auth.as_ref().filter(|auth| !auth.0.is_empty()) {
            let bytes = Zeroizing::new(STANDARD.decode(auth.expose()).map_err(|_| wrong())?);
            let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
            let (user, password) = text.split_once(':').ok_or_else(wrong)?;
            RegistryLogin::Password {
                user: user.to_owned(),
                password: SecretValue::new(password.trim_end_matches('\0')),
            }
        } else if let (Some(user), Some(Secret(password))) = (&entry.username, &entry.password) {
            RegistryLogin::Password { user: user.clone(), password: password.clone() }
        } else {
            return Ok(None);
        };
        Ok(Some(Credentials { server: server.to_owned(), login }))
    }
}

/// The host of a registry's name, which may be written as an address.
fn host_of(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split_once('/').map_or(name, |(host, _)| host)
}

/// What a credential helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: Secret,
}

/// Asks `docker-credential-<helper> get` for a registry's credentials.
async fn ask_helper(helper: &str, server: &str) -> Result<Option<Credentials>> {
    if !helper.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Error::new(ErrorKind::InvalidConfig, "the name of the credential helper is not valid"));
    }
    let program = format!("docker-credential-{helper}");
    let answer = tokio::time::timeout(HELPER_TIMEOUT, run_helper(&program, server)).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, "the credential helper did not answer").with_context("program", &program))
    })?;
    let Some(text) = answer else {
        return Ok(None);
    };
    // The reason is left out: it could repeat what was answered.
    let answer: HelperAnswer = serde_json::from_slice(&text).map_err(|_| {
        Error::new(ErrorKind::InvalidConfig, "the credential helper's answer cannot be read")
            .with_context("program", &program)
    })?;
    let Secret(secret) = answer.secret;
    let login = if answer.username == TOKEN_USER {
        RegistryLogin::IdentityToken(secret)
    } else {
        RegistryLogin::Password { user: answer.username, password: secret }
    };
    Ok(Some(Credentials { server: server.to_owned(), login }))
}

/// Runs a helper and gives what it printed, or `None` when it says that it has no credentials.
async fn run_helper(program: &str, server: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let failed = |cause: std::io::Error| {
        Error::new(ErrorKind::Io, "cannot run the credential helper")
            .with_context("program", program)
            .with_source(cause)
    };
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that ends without reading says by its answer what it wanted.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let mut answer = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_HELPER_ANSWER).read_to_end(&mut answer).await.map_err(failed)?;
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(Some(answer));
    }
    if String::from_utf8_lossy(&answer).contains("credentials not found") {
        return Ok(None);
    }
    Err(Error::new(ErrorKind::Io, "the credential helper failed")
        .with_context("program", program)
        .with_context("status", status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(config: &str) -> (tempfile::TempDir, CredentialStore) {
        let folder = tempfile::tempdir().unwrap();
        fs::write_atomic(&folder.path().join("config.json"), config.as_bytes()).unwrap();
        let store = CredentialStore::new(folder.path().to_owned());
        (folder, store)
    }

    async fn find(config: &str, image: &str) -> Result<Option<DockerCredentials>> {
        let (_folder, store) = store(config);
        store.find(&ImageReference::parse(image).unwrap()).await
    }

    #[tokio::test]
    async fn every_form_of_stored_credentials_is_read() {
        let auth = STANDARD.encode("ann:pass:word");
        let config = format!(
            r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{auth}"}},
                "https://ghcr.io/v2/":{{"username":"bob","password":"p2"}},
                "reg.test:5000":{{"identitytoken":"t1","auth":"{auth}"}},"empty.test":{{}}}},
                "HttpHeaders":{{"x":"y"}}}}"#
        );
        let hub = find(&config, "mcp/time").await.unwrap().unwrap();
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("ann"), Some("pass:word")));
        assert_eq!(hub.serveraddress.as_deref(), Some(DOCKER_HUB));
        let ghcr = find(&config, "ghcr.io/a/b:1").await.unwrap().unwrap();
        assert_eq!(ghcr.username.as_deref(), Some("bob"));
        let own = find(&config, "reg.test:5000/x").await.unwrap().unwrap();
        assert_eq!((own.identitytoken.as_deref(), own.username), (Some("t1"), None));
        assert_eq!(find(&config, "empty.test/x").await.unwrap(), None);
        assert_eq!(find(&config, "reg.test:5001/x").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_without_the_secret() {
        let error = find(r#"{"auths":{"a.test":{"auth":"hunter2!"}}}"#, "a.test/x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let other = find(r#"{"auths":{"a.test":{"auth":["hunter2"]}}}"#, "a.test/x").await.unwrap_err();
        assert!(!format!("{}{}{error:?}{other:?}", error.report(), other.report()).contains("hunter2"));
        assert!(error.hints().any(|hint| hint.contains("docker login a.test")));
    }

    #[test]
    fn a_registrys_own_helper_comes_first() {
        let file: ConfigFile =
            serde_json::from_str(r#"{"credsStore":"desktop","credHelpers":{"ghcr.io":"gh","https://x.test/v1/":""}}"#)
                .unwrap();
        assert_eq!(file.helper("ghcr.io"), Some("gh"));
        assert_eq!(file.helper(DOCKER_HUB), Some("desktop"));
        assert_eq!(file.helper("x.test"), None);
    }

    #[tokio::test]
    async fn a_helper_is_asked_by_its_arguments_alone() {
        assert_eq!(ask_helper("x; touch /tmp/y", "a.test").await.unwrap_err().kind(), ErrorKind::InvalidConfig);
        assert_eq!(ask_helper("no-such-helper", "a.test").await.unwrap_err().kind(), ErrorKind::Io);
        // A broken helper does not keep a public image from being used.
        assert_eq!(find(r#"{"credsStore":"no-such-helper"}"#, "mcp/time").await.unwrap(), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_helpers_answer_is_read_and_bounded() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, script: &str| {
            let path = folder.path().join(name);
            fs::write_atomic(&path, format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        // Another test that starts a program at the same moment can hold the new file open for that long.
        let run = async |program: &str| loop {
            match run_helper(program, "a.test\n").await {
                Err(error) if error.report().contains("busy") => tokio::task::yield_now().await,
                other => return other,
            }
        };
        let echo = write("echo", r#"read server; echo "{\"Username\":\"$1\",\"Secret\":\"s-$server\"}""#);
        let answer = run(&echo).await.unwrap().unwrap();
        let answer: HelperAnswer = serde_json::from_slice(&answer).unwrap();
        assert_eq!((answer.username.as_str(), answer.secret.0.expose()), ("get", "s-a.test"));
        let none = write("none", "echo credentials not found in native keychain; exit 1");
        assert!(run(&none).await.unwrap().is_none());
        let bad = write("bad", "exit 2");
        assert_eq!(run(&bad).await.unwrap_err().kind(), ErrorKind::Io);
        let flood = write("flood", "exec cat /dev/zero");
        let flooded = tokio::time::timeout(Duration::from_secs(20), run(&flood)).await;
        assert!(flooded.unwrap().is_err());
    }
}
