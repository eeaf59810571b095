//! Brokers from text, as the command line and configuration files name them.

use std::path::PathBuf;
use std::sync::Arc;

use super::{ChainBroker, DotenvBroker, EnvBroker, SecretBroker};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::env_vars;
use crate::util::pattern::did_you_mean;

const KINDS: [&str; 5] = ["env", "file", "age", "keyring", "command"];
const FORMS: &str = "write `env`, `env:NAME,PREFIX_*`, `file:PATH`, `age:PATH`, `keyring`, `command:PROGRAM ARGUMENTS`, or \
    a path";

/// What a broker's text does not say.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BrokerOptions {
    /// The passphrase of encrypted files; `None` uses a key file.
    pub passphrase: Option<SecretValue>,
    /// The key file of encrypted files; `None` is the one beside each.
    pub identity: Option<PathBuf>,
    /// The environment variables that commands receive besides the usual ones.
    pub command_variables: Vec<String>,
}

impl BrokerOptions {
    /// The options that the environment gives: `MCP_GATEWAY_SECRETS_PASSPHRASE`, `MCP_GATEWAY_SECRETS_IDENTITY`, and in
    /// `MCP_GATEWAY_SECRETS_VARIABLES` the names of variables for commands, with commas between.
    pub fn from_env() -> Self {
        Self {
            passphrase: env_vars::get("MCP_GATEWAY_SECRETS_PASSPHRASE").map(SecretValue::new),
            identity: env_vars::get("MCP_GATEWAY_SECRETS_IDENTITY").map(PathBuf::from),
            command_variables: variables(&env_vars::get("MCP_GATEWAY_SECRETS_VARIABLES").unwrap_or_default()),
        }
    }

    /// Opens encrypted files with a passphrase.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: SecretValue) -> Self {
        self.passphrase = Some(passphrase);
        self
    }

    /// Opens encrypted files with a key file.
    #[must_use]
    pub fn with_identity(mut self, identity: impl Into<PathBuf>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Passes an environment variable on to commands.
    #[must_use]
    pub fn with_command_variable(mut self, name: impl Into<String>) -> Self {
        self.command_variables.push(name.into());
        self
    }
}

fn variables(names: &str) -> Vec<String> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The broker that a text names: `env`, `env:NAME,PREFIX_*`, `file:PATH`, `age:PATH`, `keyring`, `keyring:SERVICE`,
/// `command:PROGRAM ARGUMENTS`, or the path of a `.env` file, several of them with `:` between.
///
/// # Behavior
/// - Nothing is read yet; a file that is not there is empty, with a warning.
/// - A path may start with `~/`.
///
/// # Errors
/// `InvalidInput` when the text is none of these, `Unsupported` when this build does not have what it names.
///
/// # Examples
/// ```
/// use mcp_gateway_core::secrets::{BrokerOptions, open};
///
/// let broker = open("file:/run/secrets/dev.env", &BrokerOptions::default())?;
/// assert_eq!(broker.name(), "file:/run/secrets/dev.env");
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
pub fn open(spec: &str, options: &BrokerOptions) -> Result<Arc<dyn SecretBroker>> {
    let opened = match spec.split_once(':') {
        None if spec == "env" => Ok(Arc::new(EnvBroker::new()) as Arc<dyn SecretBroker>),
        None if spec == "keyring" => keyring(None),
        Some(("keyring", service)) => keyring(Some(service)),
        Some(("env", names)) => env(names),
        Some(("file", path)) => path_of(path).map(file),
        Some(("age", path)) => path_of(path).and_then(|path| age(path, options)),
        Some(("command", line)) => command(line, options),
        _ => paths(spec),
    };
    opened.map_err(|error| error.with_operation("secrets::open").with_context("secrets", spec_shown(spec)))
}

/// The brokers that the texts name, as one that asks them in order.
///
/// # Errors
/// As [`open`]; `InvalidInput` when there is none.
pub fn open_all(
    specs: impl IntoIterator<Item = impl AsRef<str>>,
    options: &BrokerOptions,
) -> Result<Arc<dyn SecretBroker>> {
    let brokers = specs.into_iter().map(|spec| open(spec.as_ref(), options)).collect::<Result<Vec<_>>>()?;
    chain(brokers).map_err(|error| error.with_operation("secrets::open_all"))
}

fn chain(mut brokers: Vec<Arc<dyn SecretBroker>>) -> Result<Arc<dyn SecretBroker>> {
    match brokers.len() {
        0 => Err(Error::new(ErrorKind::InvalidInput, "no secret store is named").with_hint(FORMS)),
        1 => Ok(brokers.remove(0)),
        _ => Ok(Arc::new(ChainBroker::new(brokers))),
    }
}

/// What an error may show: the arguments of a command could hold a token.
fn spec_shown(spec: &str) -> &str {
    if spec.starts_with("command:") { "command:…" } else { spec }
}

fn env(names: &str) -> Result<Arc<dyn SecretBroker>> {
    let mut broker = EnvBroker::new();
    for name in names.split(',').map(str::trim) {
        broker = match name.strip_suffix('*') {
            Some(prefix) if !prefix.is_empty() && !prefix.contains('*') => broker.with_prefix(prefix),
            None if !name.is_empty() => broker.with_allowed(name),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("`{name}` is neither a variable nor a prefix"),
                )
                .with_hint("write `env:NAME,PREFIX_*`, or `env` for any variable"));
            }
        };
    }
    Ok(Arc::new(broker))
}

fn file(path: PathBuf) -> Arc<dyn SecretBroker> {
    warn_if_missing(&path);
    Arc::new(DotenvBroker::new(path))
}

#[cfg(feature = "secrets-age")]
fn age(path: PathBuf, options: &BrokerOptions) -> Result<Arc<dyn SecretBroker>> {
    warn_if_missing(&path);
    let mut config = super::AgeBrokerConfig::new(path);
    config.passphrase.clone_from(&options.passphrase);
    config.identity.clone_from(&options.identity);
    Ok(Arc::new(super::AgeBroker::new(config)?))
}

#[cfg(not(feature = "secrets-age"))]
fn age(_path: PathBuf, _options: &BrokerOptions) -> Result<Arc<dyn SecretBroker>> {
    Err(not_built("secrets-age"))
}

#[cfg(feature = "secrets-keyring")]
fn keyring(service: Option<&str>) -> Result<Arc<dyn SecretBroker>> {
    let config = super::KeyringBrokerConfig::default();
    Ok(Arc::new(super::KeyringBroker::new(match service {
        Some(service) => config.with_service(service),
        None => config,
    })?))
}

#[cfg(not(feature = "secrets-keyring"))]
fn keyring(_service: Option<&str>) -> Result<Arc<dyn SecretBroker>> {
    Err(not_built("secrets-keyring"))
}

#[cfg(feature = "secrets-command")]
fn command(line: &str, options: &BrokerOptions) -> Result<Arc<dyn SecretBroker>> {
    let mut config = super::CommandBrokerConfig::parse(line)?;
    config.variables.clone_from(&options.command_variables);
    Ok(Arc::new(super::CommandBroker::new(config)?))
}

#[cfg(not(feature = "secrets-command"))]
fn command(_line: &str, _options: &BrokerOptions) -> Result<Arc<dyn SecretBroker>> {
    Err(not_built("secrets-command"))
}

#[cfg(not(all(feature = "secrets-age", feature = "secrets-command", feature = "secrets-keyring")))]
fn not_built(feature: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "this build cannot open such a store")
        .with_hint(format!("build with the feature `{feature}`"))
}

/// Paths of `.env` files with `:` between, as Docker's toolkit writes them.
fn paths(spec: &str) -> Result<Arc<dyn SecretBroker>> {
    if spec == "docker-desktop" || spec.starts_with("docker-desktop:") || spec.ends_with(":docker-desktop") {
        return Err(Error::new(ErrorKind::Unsupported, "the secrets of Docker Desktop cannot be read")
            .with_hint("keep them in an encrypted file, `age:PATH`, or ask a program, `command:…`"));
    }
    let is_path = |text: &str| text.contains(['/', '\\', '.', '~']);
    if let Some((kind, _)) = spec.split_once(':')
        && !is_path(kind)
        && !has_drive(spec)
    {
        let error = Error::new(ErrorKind::InvalidInput, format!("`{kind}` is not a kind of secret store"));
        return Err(match did_you_mean(kind, KINDS) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}:`?")),
            None => error.with_hint(FORMS),
        });
    }
    let split: Vec<&str> = if has_drive(spec) { vec![spec] } else { spec.split(':').collect() };
    chain(split.into_iter().map(|path| path_of(path).map(file)).collect::<Result<_>>()?)
}

/// Whether the text starts with a drive letter, as paths of Windows do.
fn has_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

fn path_of(text: &str) -> Result<PathBuf> {
    if text.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the path of the secret store is empty").with_hint(FORMS));
    }
    match text.strip_prefix("~/") {
        Some(rest) => env_vars::get("HOME")
            .map(|home| PathBuf::from(home).join(rest))
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "`~` needs the variable `HOME`, which is not set")),
        None => Ok(PathBuf::from(text)),
    }
}

fn warn_if_missing(path: &std::path::Path) {
    if !crate::util::fs::exists(path) {
        tracing::warn!(file = %path.display(), "file of secrets does not exist yet; it counts as empty");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(spec: &str) -> String {
        open(spec, &BrokerOptions::default()).unwrap().name()
    }

    #[test]
    fn names_of_variables_are_read() {
        assert_eq!(variables(" VAULT_ADDR, VAULT_TOKEN,,"), ["VAULT_ADDR", "VAULT_TOKEN"]);
        assert!(variables("").is_empty());
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(name("env"), "env");
        assert_eq!(name("env:A,B_*"), "env");
        assert_eq!(name("file:x"), "file:x");
        assert_eq!(name(".env"), "file:.env");
        assert_eq!(name("secrets"), "file:secrets");
        assert_eq!(name("./a.env:/b/c"), "file:./a.env, file:/b/c");
        assert_eq!(name("C:\\x.env"), "file:C:\\x.env");
        assert!(!name("file:~/x").contains('~'));
        #[cfg(feature = "secrets-age")]
        assert_eq!(name("age:x.age"), "age:x.age");
        #[cfg(feature = "secrets-keyring")]
        assert_eq!((name("keyring"), name("keyring:work")), ("keyring".to_owned(), "keyring:work".to_owned()));
        #[cfg(feature = "secrets-command")]
        assert_eq!(name("command:pass show 'mcp/{key}'"), "command:pass");
        let all = open_all(["env", ".env"], &BrokerOptions::default()).unwrap();
        assert_eq!(all.name(), "env, file:.env");
    }

    #[test]
    fn what_is_not_understood_gets_a_hint() {
        let cases = [
            ("comand:pass", ErrorKind::InvalidInput, "did you mean `command:`?"),
            ("keyrign:x", ErrorKind::InvalidInput, "did you mean `keyring:`?"),
            ("vault:x", ErrorKind::InvalidInput, "write `env`"),
            ("docker-desktop", ErrorKind::Unsupported, "age:PATH"),
            ("docker-desktop:./.env", ErrorKind::Unsupported, "age:PATH"),
            ("file:", ErrorKind::InvalidInput, "write `env`"),
            ("", ErrorKind::InvalidInput, "write `env`"),
            ("env:", ErrorKind::InvalidInput, "env:NAME"),
            ("env:*", ErrorKind::InvalidInput, "env:NAME"),
        ];
        for (spec, kind, hint) in cases {
            let error = open(spec, &BrokerOptions::default()).unwrap_err();
            assert_eq!(error.kind(), kind, "{spec}");
            assert!(error.hints().any(|shown| shown.contains(hint)), "{spec}: {:?}", error.hints().collect::<Vec<_>>());
        }
        assert!(open_all([""; 0], &BrokerOptions::default()).is_err());
        #[cfg(feature = "secrets-command")]
        {
            let error = open("command:vault -token=hunter2", &BrokerOptions::default()).unwrap_err();
            assert!(!error.report().contains("hunter2"));
        }
    }
}
