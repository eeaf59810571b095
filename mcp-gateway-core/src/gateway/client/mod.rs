//! The host as a client: whom servers ask when they need something of it in the course of a call.

mod host;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ServerName, SessionId};
use crate::protocol::{ClientCapabilities, RawJson};

pub use host::HostClient;

/// Answers what servers ask of the host's own sessions: elicitation, sampling, roots.
///
/// # Behavior
/// - Servers are told what the client can do, and are answered "method not found" for everything else.
/// - An error is told to the server as such; nothing of it but its message leaves the host.
/// - Dropping the future means that the server no longer wants to know.
///
/// # Examples
/// ```
/// use async_trait::async_trait;
/// use mcp_gateway_core::Result;
/// use mcp_gateway_core::gateway::{Client, ClientQuestion};
/// use mcp_gateway_core::protocol::{ClientCapabilities, RawJson};
/// use serde_json::json;
///
/// #[derive(Debug)]
/// struct Refuses;
///
/// #[async_trait]
/// impl Client for Refuses {
///     fn capabilities(&self) -> ClientCapabilities {
///         ClientCapabilities::of(&json!({"elicitation": {}}))
///     }
///
///     async fn answer(&self, question: &ClientQuestion) -> Result<RawJson> {
///         println!("{} asks: {}", question.server.as_ref().map_or("a server", |server| server.as_str()), question.params.get());
///         RawJson::from_value(&json!({"action": "decline"}))
///     }
/// }
/// ```
#[async_trait]
pub trait Client: fmt::Debug + Send + Sync + 'static {
    /// What it can do, as the protocol says it: `{"elicitation": {"form": {}}, "sampling": {}, "roots": {}}`.
    fn capabilities(&self) -> ClientCapabilities;

    /// Answers a request of a server; the answer is the result of its method.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    async fn answer(&self, question: &ClientQuestion) -> Result<RawJson>;
}

/// What a server asks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientQuestion {
    /// The session in whose call it is asked.
    pub session: SessionId,
    /// Whose session it is.
    pub principal: String,
    /// The server that asks, where it is known.
    pub server: Option<ServerName>,
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    pub method: String,
    /// Its parameters.
    pub params: RawJson,
}
