//! Policies in the Cedar language.
#![doc = include_str!("docs.md")]

mod convert;
mod error;
mod load;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use cedar_policy::{Authorizer, Decision as Verdict, Entities, PolicyId, PolicySet, Schema};

use self::convert::Asked;
use super::{Explanation, Policy, Step};
use crate::error::Result;
use crate::model::{CallContext, Decision, Effect, ProfileName};
use crate::protocol::{Request, RequestKind};
use crate::util::{clock, fs};

pub use source::CedarSource;

/// A policy that is written in Cedar.
///
/// # Behavior
/// - What no policy permits is denied; so is what one forbids, and what one cannot be evaluated for.
/// - Where several permit, the strictest confirmation among them counts.
/// - What annotations say may tighten and not loosen, unless an operator has approved the definition.
/// - Listing is allowed; what may be listed is decided by the profile's tool selection.
/// - A request for a name that no server offers is denied by the rule `unknown name`.
/// - What is permitted about a task is not confirmed again.
pub struct CedarPolicy {
    profile: ProfileName,
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
    /// The actions and their groups.
    actions: Entities,
    said: HashMap<PolicyId, Said>,
    warnings: Vec<String>,
    /// What some policy asks for beside names, as in [`Step::asks`].
    asks: Vec<String>,
}

/// What the annotations of a policy say.
#[derive(Clone, Debug)]
struct Said {
    /// Its place among all policies.
    place: usize,
    /// What may happen with what it lets through.
    effect: Effect,
    reason: String,
}

impl CedarPolicy {
    /// The schema that policies are validated against, in Cedar's own syntax.
    pub const SCHEMA: &'static str = include_str!("schema.cedarschema");

    /// Reads policies.
    ///
    /// # Errors
    /// `InvalidConfig` with file, line and column for what is no policy, what the schema does not have, an annotation that
    /// is not known, and a name that two policies have.
    pub fn new(profile: ProfileName, sources: &[CedarSource]) -> Result<Self> {
        let schema = load::schema()?;
        let loaded = load::policies(&schema, sources)?;
        let actions = schema.action_entities().map_err(error::schema)?;
        Ok(Self {
            profile,
            authorizer: Authorizer::new(),
            schema,
            policies: loaded.policies,
            actions,
            said: loaded.said,
            warnings: loaded.warnings,
            asks: loaded.asks,
        })
    }

    /// Reads policies from files.
    ///
    /// # Errors
    /// As [`new`](Self::new), and `NotFound` or `Io` for a file that cannot be read.
    pub fn load(profile: ProfileName, files: &[PathBuf]) -> Result<Self> {
        let read = |file: &PathBuf| Ok(CedarSource::new(file.display().to_string(), fs::read_to_string(file)?));
        Self::new(profile, &files.iter().map(read).collect::<Result<Vec<_>>>()?)
    }

    /// What is worth a look in the policies, such as one that can never apply; each with its place.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Decides as if it were this time, in milliseconds since the Unix epoch.
    fn judge(&self, ctx: &CallContext, request: &Request, time: i64) -> Result<Decision> {
        if request.kind.list().is_some() || matches!(request.kind, RequestKind::SetLogLevel | RequestKind::ListTasks) {
            return Ok(Decision::new(Effect::Allow, "listing", "listing shows only what the profile selects"));
        }
        let Some(target) = &request.target else {
            return Ok(Decision::new(Effect::Deny, "unknown name", "no server of this profile offers it"));
        };
        let asked = Asked::new(self, ctx, request, target, time)?;
        let mut decision = self.evaluate(&asked, true)?;
        if asked.has_claims() {
            let without = self.evaluate(&asked, false)?;
            if without.effect.strictness() > decision.effect.strictness() {
                decision = without;
            }
        }
        // A task was confirmed when it began; to ask again for each look at it would say nothing new.
        if request.kind.is_about_task() && decision.effect != Effect::Deny {
            decision = Decision::new(Effect::Allow, decision.rule, "the task was decided when it began");
        }
        Ok(decision)
    }

    fn evaluate(&self, asked: &Asked<'_>, with_annotations: bool) -> Result<Decision> {
        let entities = asked.entities(&self.actions, with_annotations)?;
        let answer = self.authorizer.is_authorized(asked.request(), &self.policies, &entities);
        // What the error says may quote arguments, so only the policy is named.
        if let Some(cause) = answer.diagnostics().errors().next() {
            let why = "the policy cannot be evaluated for this request, so it is refused";
            return Ok(Decision::new(Effect::Deny, error::policy_of(cause), why));
        }
        let mut decisive: Vec<_> =
            answer.diagnostics().reason().filter_map(|id| Some((id, self.said.get(id)?))).collect();
        decisive.sort_unstable_by_key(|(_, said)| (std::cmp::Reverse(said.effect.strictness()), said.place));
        Ok(match (answer.decision(), decisive.first()) {
            (Verdict::Allow, Some((id, said))) | (Verdict::Deny, Some((id, said))) => {
                Decision::new(said.effect, id.to_string(), said.reason.as_str())
            }
            (_, None) => Decision::new(Effect::Deny, "no permit", "no Cedar policy permits it"),
        })
    }
}

#[async_trait]
impl Policy for CedarPolicy {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        self.judge(ctx, request, clock::now_millis())
    }

    async fn explain(&self, ctx: &CallContext, request: &Request, time: i64) -> Result<Explanation> {
        let decision = self.judge(ctx, request, time)?;
        let step = Step::new(decision.rule.as_str(), decision.effect, None).with_asks(self.asks.clone());
        Ok(Explanation::new(decision).with_steps(vec![step]))
    }
}

impl fmt::Debug for CedarPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarPolicy").field("policies", &self.policies.num_of_policies()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
