//! Answers that are given in advance.

use async_trait::async_trait;

use super::{Answer, Approver, Question};
use crate::error::Result;
use crate::model::CallContext;
use crate::util::pattern::Pattern;

/// An approver with answers by canonical name; what it has no answer for is refused.
#[derive(Debug, Default)]
pub struct MemoryApprover {
    answers: Vec<(Pattern, Answer)>,
}

impl MemoryApprover {
    /// An approver that refuses everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers requests whose canonical name matches the glob.
    #[must_use]
    pub fn with_answer(mut self, pattern: impl Into<String>, answer: Answer) -> Self {
        self.answers.push((Pattern::new(pattern), answer));
        self
    }
}

#[async_trait]
impl Approver for MemoryApprover {
    async fn approve(&self, _ctx: &CallContext, question: &Question) -> Result<Answer> {
        let name = question.target.to_string();
        let found = self.answers.iter().find(|(pattern, _)| pattern.matches(&name));
        Ok(found.map_or_else(|| Answer::new(false, "nobody", "no approver can be asked"), |(_, answer)| answer.clone()))
    }
}
