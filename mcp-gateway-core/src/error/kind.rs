//! The kinds of failure, and what each says about blame and retries.

use std::fmt;

/// What kind of failure an [`Error`](crate::Error) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument, flag or request that cannot be right.
    InvalidInput,
    /// A catalog, profile or other file that is broken; the context names file and line.
    InvalidConfig,
    /// A named server, tool, profile, file or image that does not exist.
    NotFound,
    /// A name that is taken.
    AlreadyExists,
    /// A file or state that another writer changed meanwhile.
    Conflict,
    /// A secret that the server declares and no store holds.
    MissingSecret,
    /// Policy, an approver or an allow-list said no.
    Denied,
    /// The caller did not prove who it is.
    Unauthorized,
    /// Something that this peer, kernel or build cannot do.
    Unsupported,
    /// The container engine, or what else starts servers, does not answer.
    RuntimeUnavailable,
    /// A server that did not come up.
    StartFailed,
    /// A server that went away while a request was under way.
    ServerExited,
    /// A peer that broke the protocol.
    Protocol,
    /// A message over the size limit.
    TooLarge,
    /// A bound (queue, rate, number of sessions) that is reached.
    Overloaded,
    /// A deadline that passed.
    Timeout,
    /// A request that its caller cancelled.
    Cancelled,
    /// A connection that is closed or a gateway that is shutting down.
    Closed,
    /// A network address that could not be reached or must not be.
    Network,
    /// A file or pipe that could not be read or written.
    Io,
    /// A mistake in the gateway itself.
    Internal,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller or its configuration.
    Client,
    /// The gateway or the machine that it runs on.
    Gateway,
    /// The MCP server behind the gateway.
    Server,
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// Something must change first.
    Never,
    /// It may succeed later, unchanged.
    Later,
}

impl Fault {
    /// The name that bindings, audit records and JSON output use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Server => "server",
        }
    }
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 21] = [
        Self::InvalidInput,
        Self::InvalidConfig,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::MissingSecret,
        Self::Denied,
        Self::Unauthorized,
        Self::Unsupported,
        Self::RuntimeUnavailable,
        Self::StartFailed,
        Self::ServerExited,
        Self::Protocol,
        Self::TooLarge,
        Self::Overloaded,
        Self::Timeout,
        Self::Cancelled,
        Self::Closed,
        Self::Network,
        Self::Io,
        Self::Internal,
    ];

    /// The name that bindings, audit records and JSON output use, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::InvalidConfig => "invalid_config",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::MissingSecret => "missing_secret",
            Self::Denied => "denied",
            Self::Unauthorized => "unauthorized",
            Self::Unsupported => "unsupported",
            Self::RuntimeUnavailable => "runtime_unavailable",
            Self::StartFailed => "start_failed",
            Self::ServerExited => "server_exited",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Network => "network",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }

    /// Whose fault this kind is, unless the error says otherwise.
    pub const fn fault(self) -> Fault {
        match self {
            Self::InvalidInput
            | Self::InvalidConfig
            | Self::NotFound
            | Self::AlreadyExists
            | Self::MissingSecret
            | Self::Denied
            | Self::Unauthorized
            | Self::Cancelled => Fault::Client,
            Self::StartFailed | Self::ServerExited | Self::Protocol | Self::TooLarge => Fault::Server,
            Self::Conflict
            | Self::Unsupported
            | Self::RuntimeUnavailable
            | Self::Overloaded
            | Self::Timeout
            | Self::Closed
            | Self::Network
            | Self::Io
            | Self::Internal => Fault::Gateway,
        }
    }

    /// Whether a retry of this kind helps, unless the error says otherwise.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Conflict
            | Self::RuntimeUnavailable
            | Self::ServerExited
            | Self::Overloaded
            | Self::Timeout
            | Self::Network => Retry::Later,
            _ => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
