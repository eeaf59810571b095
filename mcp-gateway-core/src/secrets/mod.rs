//! Secrets: who holds them, and which of them a server receives.

mod memory;

use std::fmt;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, SecretEntry, SecretValue, ServerName};

pub use memory::MemoryBroker;

/// Holds secrets.
///
/// # Behavior
/// - `get` of a key that is not there gives `None`, never an empty value.
/// - `set` then `get` of the same key gives the value; `delete` then `get` gives `None`.
/// - `list` gives keys, never values.
/// - A broker that cannot be written to answers `set` and `delete` with `Unsupported`.
#[async_trait]
pub trait SecretBroker: fmt::Debug + Send + Sync + 'static {
    /// The broker's name in messages, such as `env` or `age:/path`.
    fn name(&self) -> String;

    /// The value of exactly this key.
    ///
    /// # Errors
    /// `Io` when the store cannot be read, `Timeout` when it does not answer.
    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>>;

    /// Keeps a value.
    ///
    /// # Errors
    /// `Unsupported` when the store is read-only, `Io` when it cannot be written.
    async fn set(&self, key: &SecretKey, value: SecretValue) -> Result<()>;

    /// Forgets a value; a key that is not there is no error.
    ///
    /// # Errors
    /// `Unsupported` when the store is read-only, `Io` when it cannot be written.
    async fn delete(&self, key: &SecretKey) -> Result<()>;

    /// The keys that the store can name, sorted.
    ///
    /// # Errors
    /// `Io` when the store cannot be read.
    async fn list(&self) -> Result<Vec<SecretKey>>;
}

/// The key of a secret: a name, for everyone, for a profile, or for one server of a profile.
///
/// As text: `name`, `profile//name` or `profile/server/name`; `/server/name` is one server of every profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct SecretKey {
    /// The profile that it is for.
    pub profile: Option<ProfileName>,
    /// The server that it is for.
    pub server: Option<ServerName>,
    /// The secret's name: the catalog's name for it or its environment variable.
    pub name: String,
}

impl SecretKey {
    /// A key for everyone.
    ///
    /// # Errors
    /// `InvalidInput` when the name is empty, over 256 bytes, or has `/`, `=`, white space or control characters.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '=');
        if name.is_empty() || name.len() > 256 || name.starts_with('-') || name.contains(bad) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{}` is not a secret's name", name.escape_debug()),
            ));
        }
        Ok(Self { profile: None, server: None, name })
    }

    /// The same name for one profile.
    #[must_use]
    pub fn for_profile(mut self, profile: ProfileName) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The same name for one server.
    #[must_use]
    pub fn for_server(mut self, server: ServerName) -> Self {
        self.server = Some(server);
        self
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `InvalidInput` when it is not one of the forms.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split('/');
        let (first, second, third) = (parts.next(), parts.next(), parts.next());
        match (first, second, third, parts.next()) {
            (Some(name), None, None, None) => Self::new(name),
            (Some(profile), Some(server), Some(name), None) => {
                let mut key = Self::new(name)?;
                if !profile.is_empty() {
                    key = key.for_profile(ProfileName::new(profile)?);
                }
                if !server.is_empty() {
                    key = key.for_server(ServerName::new(server)?);
                }
                Ok(key)
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a secret's key"))
                .with_hint("write `name`, `profile//name` or `profile/server/name`")),
        }
    }

    /// The keys under which a server's declared secret may be kept, most specific first.
    ///
    /// Profile before server before bare name; at each step the environment variable's name before the catalog's name.
    pub fn candidates(profile: &ProfileName, server: &ServerName, entry: &SecretEntry) -> Vec<Self> {
        let scopes = [(Some(profile), Some(server)), (Some(profile), None), (None, Some(server)), (None, None)];
        let mut keys = Vec::new();
        for (profile, server) in scopes {
            for name in [&entry.env, &entry.name] {
                let Ok(mut key) = Self::new(name.as_str()) else { continue };
                key.profile = profile.cloned();
                key.server = server.cloned();
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.profile, &self.server) {
            (None, None) => f.write_str(&self.name),
            (profile, server) => {
                let profile = profile.as_ref().map_or("", |name| name.as_str());
                let server = server.as_ref().map_or("", |name| name.as_str());
                write!(f, "{profile}/{server}/{}", self.name)
            }
        }
    }
}

/// The value of a secret that a server declares.
///
/// # Errors
/// `MissingSecret`, with the command that sets it, when no key of the secret holds a value and it is required;
/// whatever the broker says.
pub async fn resolve(
    broker: &dyn SecretBroker,
    profile: &ProfileName,
    server: &ServerName,
    entry: &SecretEntry,
) -> Result<Option<SecretValue>> {
    for key in SecretKey::candidates(profile, server, entry) {
        if let Some(value) = broker.get(&key).await?
            && !value.is_empty()
        {
            return Ok(Some(value));
        }
    }
    if entry.required == Some(false) {
        return Ok(None);
    }
    Err(Error::new(ErrorKind::MissingSecret, format!("secret `{}` of server `{server}` is not set", entry.name))
        .with_context("profile", profile)
        .with_hint(format!(
            "set it with `mcp-gateway profile secret set {server} --key {} --profile {profile}`",
            if entry.env.is_empty() { &entry.name } else { &entry.env }
        )))
}
