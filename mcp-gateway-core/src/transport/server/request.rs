//! A request of a client on its way into its session.

use std::sync::Arc;

use crate::protocol::stateless::RoutingHeaders;
use crate::protocol::{ClientLink, RawJson, RequestId};

/// A request, with what the transport knows of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientRequest {
    /// The id that the client gave it.
    pub id: RequestId,
    /// The method.
    pub method: String,
    /// Its parameters.
    pub params: Option<RawJson>,
    /// The way back for what belongs to this request.
    pub link: Arc<dyn ClientLink>,
    /// The headers that it came with, where the transport has any and the client is of the stateless era.
    pub headers: Option<RoutingHeaders>,
}

impl ClientRequest {
    /// A request that came without headers.
    pub fn new(id: RequestId, method: impl Into<String>, params: Option<RawJson>, link: Arc<dyn ClientLink>) -> Self {
        Self { id, method: method.into(), params, link, headers: None }
    }

    /// Gives the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: RoutingHeaders) -> Self {
        self.headers = Some(headers);
        self
    }
}
