//! What a server sends by itself, and on whose behalf.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::model::LogLevel;
use crate::protocol::{ClientCapabilities, ClientLink, RawJson, RpcError};
use crate::util::pause::Pause;

/// Receives what a server sends by itself.
#[async_trait]
pub trait ServerEvents: fmt::Debug + Send + Sync + 'static {
    /// Answers a request of the server, such as `sampling/createMessage`. Dropping the future means that the server no
    /// longer wants to know.
    async fn request(&self, method: String, params: Option<RawJson>, cause: Cause) -> Result<RawJson, RpcError>;

    /// Takes a notification that belongs to no single request.
    async fn notification(&self, method: String, params: Option<RawJson>, cause: Cause);
}

/// Whose request a server was working on when it sent something.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cause {
    /// The caller; `None` when no request was under way.
    pub caller: Option<Arc<Caller>>,
    /// Whether it can be no other: it came on the request's own stream.
    pub is_certain: bool,
    /// Whether no other request was under way.
    pub is_only: bool,
}

/// Who waits for the answer to a request, and what can be asked of and told to them meanwhile.
#[derive(Debug)]
#[non_exhaustive]
pub struct Caller {
    /// The way back.
    pub link: Option<Arc<dyn ClientLink>>,
    /// Whether a server may ask something in the course of their request.
    pub can_be_asked: bool,
    /// What they can do.
    pub capabilities: ClientCapabilities,
    /// From which level on they want log messages of this request.
    pub log_level: Option<LogLevel>,
    /// Whose it is, as records show it.
    pub principal: Arc<str>,
    /// Holds the request's own time while they are asked.
    pub pause: Pause,
    /// Fires when they no longer wait; what they are asked is taken back then.
    pub gone: CancellationToken,
}

impl Caller {
    /// A caller who can neither be asked nor told anything.
    pub fn new(principal: impl Into<Arc<str>>) -> Self {
        Self {
            link: None,
            can_be_asked: false,
            capabilities: ClientCapabilities::none(),
            log_level: None,
            principal: principal.into(),
            pause: Pause::default(),
            gone: CancellationToken::new(),
        }
    }
}
