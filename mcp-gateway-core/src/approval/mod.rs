//! Approval: a person's answer to a request that policy does not let through alone.

mod host;
mod memory;
mod question;
pub mod queue;
mod verdict;
mod visible;
#[cfg(feature = "approval-webhook")]
mod webhook;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::CallContext;

pub use host::HostApprover;
pub use memory::MemoryApprover;
pub use question::{Previous, Question};
pub use queue::{ApprovalQueue, Grant, PendingApproval};
pub use verdict::{Scope, Verdict};
pub use visible::{visible, visible_line};
#[cfg(feature = "approval-webhook")]
pub use webhook::{WebhookApprover, WebhookConfig};

/// Asks a person.
///
/// # Behavior
/// - Only an explicit yes grants; silence, an error and a lost connection are all a no.
#[async_trait]
pub trait Approver: fmt::Debug + Send + Sync + 'static {
    /// The person's answer.
    ///
    /// # Errors
    /// `Timeout` when nobody answers, `Closed` when nobody can be asked; the gateway denies on every error.
    async fn approve(&self, ctx: &CallContext, question: &Question) -> Result<Answer>;
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Whether the request may go on.
    pub granted: bool,
    /// Who answered.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Answer {
    /// Makes an answer.
    pub fn new(granted: bool, by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { granted, by: by.into(), reason: reason.into() }
    }
}
