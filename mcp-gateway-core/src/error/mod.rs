//! One error for the whole library: what failed, where, whose fault it is and whether a retry helps.

mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

pub use kind::{ErrorKind, Fault, Retry};

/// The result of every fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, ready to be shown to a person and to be decided on by a program.
///
/// # Behavior
/// - Cheap to clone: concurrent callers that share one failed start all receive it.
/// - Never carries a secret's value; values live in [`SecretValue`](crate::model::SecretValue) only.
///
/// # Examples
/// ```
/// use mcp_gateway_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::StartFailed, "server exited before the handshake")
///     .with_operation("DockerRuntime::start")
///     .with_context("server", "github")
///     .with_hint("run `mcp-gateway server inspect github`");
/// assert_eq!(error.to_string(), "server exited before the handshake (server: github)");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    operation: Option<&'static str>,
    context: Vec<(&'static str, String)>,
    hints: Vec<Cow<'static, str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    fault: Option<Fault>,
    retry: Option<Retry>,
}

impl Error {
    /// Makes an error; the message is lower case, without a period, user input in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            context: Vec::new(),
            hints: Vec::new(),
            source: None,
            fault: None,
            retry: None,
        }))
    }

    /// Names the operation that failed, as `Type::method`; the innermost name is kept.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds a named fact, such as the server or the file concerned.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds a next step for the person who reads the error.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Overrides whose fault the kind says it is.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault = Some(fault);
        self
    }

    /// Says that the same request may succeed later.
    #[must_use]
    pub fn retry_later(mut self) -> Self {
        self.0.retry = Some(Retry::Later);
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message alone, without context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The operation that failed, if it is known.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The named facts, in the order they were added.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Next steps for the person who reads the error.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        self.0.hints.iter().map(AsRef::as_ref)
    }

    /// Whose fault the failure is.
    pub fn fault(&self) -> Fault {
        self.0.fault.unwrap_or_else(|| self.0.kind.fault())
    }

    /// Whether the same request may succeed later.
    pub fn retry(&self) -> Retry {
        self.0.retry.unwrap_or_else(|| self.0.kind.retry())
    }

    /// The message with its context and the chain of causes, on one line, for a log or a terminal.
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.contains(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        text
    }
}

// === impl Display, Debug, Error ===

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut separator = " (";
        for (key, value) in &self.0.context {
            write!(f, "{separator}{key}: {value}")?;
            separator = ", ";
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(operation) = self.0.operation {
            out.field("operation", &operation);
        }
        if !self.0.context.is_empty() {
            out.field("context", &self.0.context);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_message_context_and_causes() {
        let cause = std::io::Error::other("connection reset");
        let error = Error::new(ErrorKind::RuntimeUnavailable, "the container engine does not answer")
            .with_operation("DockerRuntime::start")
            .with_context("engine", "unix:///var/run/docker.sock")
            .with_source(cause);
        insta::assert_snapshot!(
            error.report(),
            @"the container engine does not answer (engine: unix:///var/run/docker.sock): connection reset"
        );
        assert_eq!(error.fault(), Fault::Gateway);
        assert_eq!(error.retry(), Retry::Later);
    }

    #[test]
    fn keeps_the_innermost_operation() {
        let error = Error::new(ErrorKind::Internal, "x").with_operation("inner").with_operation("outer");
        assert_eq!(error.operation(), Some("inner"));
    }
}
