//! Which command holds the secrets and how its answer is read.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;

/// What programs answer that know no such secret, where it is not 1.
const NOT_FOUND: [(&str, i32); 4] = [("bao", 2), ("gopass", 11), ("security", 44), ("vault", 2)];

/// A command that holds secrets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CommandBrokerConfig {
    /// The program and its arguments, with placeholders.
    pub argv: Vec<String>,
    /// The exit codes that say that there is no such secret.
    pub not_found_exit_codes: Vec<i32>,
    /// How long one lookup may take.
    pub deadline: Duration,
    /// The most that it may print.
    pub max_output: usize,
    /// The environment variables that are passed on to it, besides the usual ones.
    pub variables: Vec<String>,
}

impl CommandBrokerConfig {
    /// A program with its arguments: exit code 1 means not found, ten seconds, 64 KiB.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            not_found_exit_codes: vec![1],
            deadline: Duration::from_secs(10),
            max_output: 64 * 1024,
            variables: Vec::new(),
        }
    }

    /// Reads a command line with quotes as a shell knows them; nothing is expanded and no shell is run. The exit code that
    /// says "not found" is the one that the program is known for.
    ///
    /// # Errors
    /// `InvalidInput` when a quote is never closed.
    pub fn parse(line: &str) -> Result<Self> {
        let config = super::template::split(line).map(Self::new)?;
        let program = config.argv.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
        let known = NOT_FOUND.iter().find(|(name, _)| Some(*name) == program).map(|(_, code)| *code);
        Ok(config.with_not_found_exit_codes(known.or(Some(1))))
    }

    /// Sets the exit codes that say that there is no such secret; every other but 0 is an error.
    #[must_use]
    pub fn with_not_found_exit_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.not_found_exit_codes = codes.into_iter().collect();
        self
    }

    /// Sets how long one lookup may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Passes an environment variable on to the command.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>) -> Self {
        self.variables.push(name.into());
        self
    }
}
