//! Policy: what may happen with a request, and which rule says so.

mod host;
mod rules;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CallContext, Decision};
use crate::protocol::Request;

pub use host::HostPolicy;
pub use rules::{Rule, RulePolicy};

/// Decides on requests.
///
/// # Behavior
/// - The same request in the same context gets the same decision.
/// - An error counts as a refusal: the gateway denies what policy cannot decide.
#[async_trait]
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// What may happen with the request, with the rule that decided and why.
    ///
    /// # Errors
    /// `Internal` or `Timeout` when the policy cannot be evaluated.
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision>;
}
