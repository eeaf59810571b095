//! A client of this process: the messages that an SDK's client speaks.

use std::sync::Arc;

use mcp_gateway_core::model::Principal;
use mcp_gateway_core::{Error, ErrorKind};
use napi_derive::napi;

use crate::error::to_napi;
use crate::gateway::Engine;
use crate::util::Reply;

#[napi]
impl Engine {
    /// Connects a client, and gives its handle.
    #[napi(catch_unwind)]
    pub fn connect(&self, ticket: u32, principal: String, roles: Vec<String>) -> napi::Result<()> {
        let state = Arc::clone(&self.state);
        self.start(ticket, async move {
            let closing = state.closing.child_token();
            let client = state.gateway()?.connect(Principal::new(principal).with_roles(roles), closing).await?;
            Ok(Reply::Text(state.connections.add(client).to_string()))
        })
    }

    /// Sends one message of a client.
    #[napi(catch_unwind)]
    pub fn send(&self, connection: u32, message: String) -> napi::Result<()> {
        let client = self.state.connections.get(connection);
        let client = client.ok_or_else(|| Error::new(ErrorKind::Closed, "the connection has ended"));
        client.and_then(|client| client.send(message)).map_err(|error| to_napi(&error))
    }

    /// The next message for a client; nothing once the connection has ended.
    #[napi(catch_unwind)]
    pub fn receive(&self, ticket: u32, connection: u32) -> napi::Result<()> {
        let client = self.state.connections.get(connection);
        self.start(ticket, async move {
            let message = match client {
                Some(client) => client.receive().await,
                None => None,
            };
            Ok(message.map_or(Reply::None, Reply::Text))
        })
    }

    /// Ends a connection.
    #[napi(catch_unwind)]
    pub fn disconnect(&self, connection: u32) {
        if let Some(client) = self.state.connections.remove(connection) {
            client.close();
        }
    }
}
