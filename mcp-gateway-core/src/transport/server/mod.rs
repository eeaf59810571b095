#![doc = include_str!("docs.md")]

#[cfg(feature = "transport-http")]
pub mod http;
mod in_flight;
mod memory;
mod outbox;
mod owned;
mod refusal;
mod request;
#[cfg(feature = "transport-stdio")]
mod stdio;
mod stream;
mod unanswered;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Principal, SessionId};
use crate::protocol::{ClientLink, RawJson, RpcError};

pub use memory::{MemoryClient, connect_memory};
pub use request::ClientRequest;
#[cfg(feature = "transport-stdio")]
pub use stdio::serve_stdio;
pub use stream::{StreamConfig, serve_stream};

/// Opens sessions; what the gateway gives to a transport.
#[async_trait]
pub trait SessionHost: fmt::Debug + Send + Sync + 'static {
    /// Opens a session for a client that has connected; `link` carries what belongs to no single request. Without one, the
    /// session is that of everyone who comes as this principal and whose requests stand alone.
    ///
    /// # Errors
    /// `Overloaded` when there are too many sessions, `Closed` when the gateway is shutting down.
    async fn open(&self, principal: Principal, link: Option<Arc<dyn ClientLink>>) -> Result<Arc<dyn ServerSession>>;
}

/// One client's session.
#[async_trait]
pub trait ServerSession: fmt::Debug + Send + Sync + 'static {
    /// The session's id.
    fn id(&self) -> &SessionId;

    /// Answers a request.
    ///
    /// The transport may call this for several requests at once. Dropping the future cancels the request.
    async fn request(&self, request: ClientRequest) -> Result<RawJson, RpcError>;

    /// Takes a notification.
    async fn notification(&self, method: String, params: Option<RawJson>);

    /// Ends what has no end of its own, such as a listening: the transport is about to end.
    async fn wind_down(&self);

    /// Ends the session: requests under way are cancelled and its servers given back. May be called twice.
    async fn close(&self);
}
