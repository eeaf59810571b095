//! Cedar's errors as the gateway's own.

use cedar_policy::AuthorizationError;
use miette::Diagnostic;

use super::CedarSource;
use crate::error::{Error, ErrorKind};

/// What Cedar says of a text, with its place.
pub(super) fn fault(source: &CedarSource, cause: &(impl Diagnostic + ?Sized)) -> Error {
    let mut error = Error::new(ErrorKind::InvalidConfig, cause.to_string())
        .with_operation("CedarPolicy::new")
        .with_context("file", place(source, cause));
    // The texts that an error consists of stand in its causes, and the outermost is the vaguest.
    let mut inner = cause.source();
    while let Some(next) = inner {
        error = error.with_context("because", next);
        inner = next.source();
    }
    match cause.help() {
        Some(help) => error.with_hint(help.to_string()),
        None => error.with_hint("`mcp-gateway policy schema` prints what policies can be about"),
    }
}

/// Where a text is wrong.
pub(super) fn place(source: &CedarSource, cause: &(impl Diagnostic + ?Sized)) -> String {
    source.place(cause.labels().and_then(|mut labels| labels.next()).map(|label| label.offset()))
}

/// A policy whose annotations are wrong.
pub(super) fn annotation(source: &CedarSource, number: usize, message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
        .with_operation("CedarPolicy::new")
        .with_context("file", &source.file)
        .with_context("policy", number)
}

/// What should not be: the schema comes with the gateway, and so does everything that is asked by it.
pub(super) fn schema(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "the schema of Cedar policies does not fit").with_source(cause)
}

/// The policy that could not be evaluated.
pub(super) fn policy_of(cause: &AuthorizationError) -> String {
    match cause {
        AuthorizationError::PolicyEvaluationError(cause) => cause.policy_id().to_string(),
    }
}
