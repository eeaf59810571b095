//! Secrets that another program holds.
#![doc = include_str!("docs.md")]

mod config;
mod template;

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use self::template::Template;
use super::{SecretBroker, SecretKey, read_only};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::util::command::ChildCommand;
use crate::util::env_vars;

pub use config::CommandBrokerConfig;

/// The variables that such programs need to find their files, agents and language.
const VARIABLES: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
];

/// A broker that asks an external command.
///
/// # Behavior
/// - Read-only; `list` is empty, since there is no common way to ask.
/// - The command is run without a shell, with a deadline, a bound on its output and an environment of a few variables.
/// - Values of placeholders are checked names: they cannot become options or shell syntax.
/// - Neither an error nor `Debug` shows arguments or what the command printed.
///
/// # Examples
/// ```
/// use mcp_gateway_core::secrets::{CommandBroker, CommandBrokerConfig};
///
/// let broker = CommandBroker::new(CommandBrokerConfig::new(["pass", "show", "mcp/{key}"]))?;
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
pub struct CommandBroker {
    template: Template,
    config: CommandBrokerConfig,
}

impl CommandBroker {
    /// A broker for a command; nothing is run yet.
    ///
    /// # Errors
    /// `InvalidInput` when there is no program, a placeholder is unknown, or neither `{key}` nor `{name}` is there.
    pub fn new(config: CommandBrokerConfig) -> Result<Self> {
        let template = Template::parse(&config.argv).map_err(|error| error.with_operation("CommandBroker::new"))?;
        Ok(Self { template, config })
    }

    async fn ask(&self, argv: &[String]) -> Result<Option<SecretValue>> {
        let passed = VARIABLES.into_iter().chain(self.config.variables.iter().map(String::as_str));
        let env: Vec<_> = passed.filter_map(|name| Some((name.to_owned(), env_vars::get(name)?))).collect();
        let command =
            ChildCommand { argv, env: &env, deadline: self.config.deadline, max_output: self.config.max_output };
        let output = command.run().await?;
        match output.code {
            Some(0) => value_of(output.stdout),
            Some(code) if self.config.not_found_exit_codes.contains(&code) => Ok(None),
            Some(code) => Err(Error::new(ErrorKind::Io, format!("the command ended with exit code {code}"))
                .with_hint("run the command by hand to see why; what it prints may be secret and is not shown here")),
            None => Err(Error::new(ErrorKind::Io, "the command was ended by a signal")),
        }
    }
}

/// The printed value without one line end.
fn value_of(mut printed: Zeroizing<Vec<u8>>) -> Result<Option<SecretValue>> {
    if printed.last() == Some(&b'\n') {
        printed.pop();
        if printed.last() == Some(&b'\r') {
            printed.pop();
        }
    }
    match String::from_utf8(std::mem::take(&mut printed)) {
        Ok(value) => Ok(Some(SecretValue::new(value)).filter(|value| !value.is_empty())),
        Err(cause) => {
            drop(Zeroizing::new(cause.into_bytes()));
            Err(Error::new(ErrorKind::InvalidConfig, "the command did not print valid UTF-8"))
        }
    }
}

const READ_ONLY: &str = "set the secret with the program that holds it";

#[async_trait]
impl SecretBroker for CommandBroker {
    fn name(&self) -> String {
        format!("command:{}", self.template.program())
    }

    async fn get(&self, key: &SecretKey) -> Result<Option<SecretValue>> {
        let Some(argv) = self.template.fill(key) else { return Ok(None) };
        self.ask(&argv).await.map_err(|error| {
            let error = error.with_operation("CommandBroker::get").with_context("store", self.name());
            error.with_context("key", key)
        })
    }

    fn is_writable(&self) -> bool {
        false
    }

    async fn set(&self, _key: &SecretKey, _value: SecretValue) -> Result<()> {
        Err(read_only(&self.name(), READ_ONLY).with_operation("CommandBroker::set"))
    }

    async fn delete(&self, _key: &SecretKey) -> Result<()> {
        Err(read_only(&self.name(), READ_ONLY).with_operation("CommandBroker::delete"))
    }

    async fn list(&self) -> Result<Vec<SecretKey>> {
        Ok(Vec::new())
    }
}

impl fmt::Debug for CommandBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandBroker").field("program", &self.template.program()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
