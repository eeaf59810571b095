//! Policy: what may happen with a request, and which rule says so.

<<<<<<< HEAD
mod explanation;
=======
#[cfg(feature = "policy-cedar")]
mod cedar;
>>>>>>> 4d187bb (Decide by Cedar policies, with confirmations as annotations and a schema to validate by)
mod host;
mod question;
mod rules;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CallContext, Decision};
use crate::protocol::Request;

<<<<<<< HEAD
pub use crate::model::Rule;
pub use explanation::{Explanation, Step};
=======
#[cfg(feature = "policy-cedar")]
pub use cedar::{CedarPolicy, CedarSource};
>>>>>>> 4d187bb (Decide by Cedar policies, with confirmations as annotations and a schema to validate by)
pub use host::HostPolicy;
pub use question::{CaseOutcome, PolicyCase, PolicyQuestion};
pub use rules::RulePolicy;

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
