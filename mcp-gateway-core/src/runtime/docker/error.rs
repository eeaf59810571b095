//! What the engine says, as this library's errors.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error as BollardError;

use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::transport::client::Diagnostics;

/// A request to the engine that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// It could not be reached, or the connection broke.
    #[error("{0}")]
    Unreachable(#[source] BollardError),
    /// It answered with an error of its own.
    #[error("{message}")]
    Refused { status: u16, message: String },
    /// It reported an error in the middle of a longer work.
    #[error("{0}")]
    Failed(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    Silent,
    /// It answered what cannot be understood.
    #[error("the answer cannot be understood: {0}")]
    Strange(String),
}

impl From<BollardError> for EngineError {
    fn from(cause: BollardError) -> Self {
        match cause {
            BollardError::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message: message.trim().to_owned() }
            }
            BollardError::DockerStreamError { error } => Self::Failed(error),
            BollardError::RequestTimeoutError => Self::Silent,
            BollardError::JsonDataError { message, .. } => Self::Strange(message),
            BollardError::JsonSerdeError { err } => Self::Strange(err.to_string()),
            cause => Self::Unreachable(cause),
        }
    }
}

impl EngineError {
    /// Whether the engine knows no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the engine let the deadline pass.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// Whether the engine itself gave this answer, so that it is known what it did.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Failed(_))
    }

    /// The same without the secrets of a server, which an engine might repeat.
    pub(super) fn redacted(self, diagnostics: &Diagnostics) -> Self {
        match self {
            Self::Refused { status, message } => Self::Refused { status, message: diagnostics.redact(&message) },
            Self::Failed(message) => Self::Failed(diagnostics.redact(&message)),
            other => other,
        }
    }

    /// An error for the caller; `kind` is the one for what the engine itself refused.
    pub(super) fn into_error(self, kind: ErrorKind, message: &'static str, engine: &Endpoint) -> Error {
        match self {
            Self::Refused { message: reason, .. } | Self::Failed(reason) => {
                Error::new(kind, message).with_context("engine says", reason)
            }
            Self::Silent => unavailable("the container engine does not answer in time", engine),
            Self::Strange(_) => {
                unavailable("the container engine answers what cannot be understood", engine).with_source(self)
            }
            Self::Unreachable(cause) => {
                let denied = io_kind(&cause) == Some(io::ErrorKind::PermissionDenied);
                let error = unavailable("the container engine does not answer", engine).with_source(cause);
                if denied {
                    error.with_hint(
                        "this user may not use the engine: join the group `docker`, or run a rootless engine",
                    )
                } else {
                    error
                }
            }
        }
    }
}

/// Says that the engine cannot be used, and what to do.
pub(super) fn unavailable(message: &'static str, engine: &Endpoint) -> Error {
    Error::new(ErrorKind::RuntimeUnavailable, message)
        .with_context("engine", engine)
        .with_hint("start Docker or Podman, or point DOCKER_HOST or DOCKER_CONTEXT at an engine that runs")
}

/// The kind of the input/output error at the root of a failure.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}
