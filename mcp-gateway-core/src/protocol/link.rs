//! The way back to a client.

use std::fmt;

use async_trait::async_trait;

use super::{RawJson, RpcError};
use crate::error::Result;

/// Carries what the gateway and its servers send to a client by themselves.
#[async_trait]
pub trait ClientLink: fmt::Debug + Send + Sync + 'static {
    /// Tells the client something; never waits longer than it takes to queue it.
    ///
    /// # Errors
    /// `Closed` when the client is gone, `Overloaded` when it does not keep up.
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()>;

    /// Asks the client something and waits for its answer.
    ///
    /// # Errors
    /// `Closed` when the client is gone, `Overloaded` when it does not keep up.
    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<Result<RawJson, RpcError>>;

    /// Puts a question of the gateway's own to the client, by `elicitation/create`; an answer that the client has sent
    /// before it was asked is none.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    async fn confirm(&self, params: RawJson) -> Result<Result<RawJson, RpcError>> {
        self.request("elicitation/create", Some(params)).await
    }
}
