//! Policy: what may happen with a request, and which rule says so.

#[cfg(feature = "policy-cedar")]
mod cedar;
mod explanation;
mod host;
mod question;
mod rules;
mod strictest;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CallContext, Decision};
use crate::protocol::Request;

pub use crate::model::Rule;
#[cfg(feature = "policy-cedar")]
pub use cedar::{CedarPolicy, CedarSource};
pub use explanation::{Explanation, Step};
pub use host::HostPolicy;
pub use question::{CaseOutcome, PolicyCase, PolicyQuestion};
pub use rules::RulePolicy;
pub use strictest::StrictestPolicy;

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

    /// What would happen with the request at a time (milliseconds since the Unix epoch), and what was looked at.
    ///
    /// A policy that cannot say more than what it decides now says that.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    async fn explain(&self, ctx: &CallContext, request: &Request, _time: i64) -> Result<Explanation> {
        Ok(Explanation::new(self.decide(ctx, request).await?))
    }
}
