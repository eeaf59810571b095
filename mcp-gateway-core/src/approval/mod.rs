//! Approval: a person's answer to a request that policy does not let through alone.

mod host;
mod memory;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CallContext, Decision};
use crate::protocol::{RawJson, Target};

pub use host::HostApprover;
pub use memory::MemoryApprover;

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

/// What a person is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// Whom the request is for.
    pub target: Target,
    /// Its arguments, in full.
    pub arguments: Option<RawJson>,
    /// What policy decided.
    pub decision: Decision,
}

impl Question {
    /// Makes a question.
    pub fn new(target: Target, arguments: Option<RawJson>, decision: Decision) -> Self {
        Self { target, arguments, decision }
    }
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
