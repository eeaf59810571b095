//! Rules in written order; the first that matches decides.

mod compiled;
mod predicate;
mod preset;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::{Explanation, Policy, Step};
use crate::error::Result;
use crate::model::{CallContext, Decision, Effect, Preset, ProfileName, Rule};
use crate::protocol::{Request, RequestKind};
use crate::util::clock;

use compiled::{Compiled, Facts, Miss};

/// For how many names it is remembered which rules they concern.
const MAX_REMEMBERED: usize = 4_096;

/// The policy of a list of rules; also the in-memory policy of tests and examples.
///
/// # Behavior
/// - The rules are looked at in their order, then those of the preset, and the first that covers the request decides; a
///   request that none covers gets the default effect.
/// - What annotations say may tighten and not loosen, for they are the server's own word: where a rule that asks for
///   annotations lets more through than the decision without it would, that decision counts, unless an operator has
///   approved the definition.
/// - Listing is allowed, unless a rule names the kind of list; what may be listed is decided by the profile's tool
///   selection.
/// - A request for a name that no server offers is denied by the rule `unknown name`.
/// - A request about a task is allowed unless the tool that began it is denied now, whatever its arguments were.
#[derive(Debug)]
pub struct RulePolicy {
    rules: Vec<Compiled>,
    default: Effect,
    /// Which rules concern a name, by their places: the globs are matched once for each name.
    remembered: RwLock<HashMap<String, Arc<[usize]>>>,
}

impl RulePolicy {
    /// Compiles rules; `default` is for what none of them matches.
    pub fn new(rules: Vec<Rule>, default: Effect) -> Self {
        let rules = rules.into_iter().enumerate().map(|(at, rule)| Compiled::new(rule, at + 1)).collect();
        Self { rules, default, remembered: RwLock::default() }
    }

    /// A policy that allows everything that the profile offers.
    pub fn allow_all() -> Self {
        Self::new(Vec::new(), Effect::Allow)
    }

    /// A policy that denies every request for a name.
    pub fn deny_all() -> Self {
        Self::new(Vec::new(), Effect::Deny)
    }

    /// Adds the rules of a preset after those that there are.
    #[must_use]
    pub fn with_preset(mut self, preset: Preset) -> Self {
        self.rules.extend(preset::rules(preset));
        self
    }

    /// Leaves out the rules that are for other profiles.
    #[must_use]
    pub fn with_profile(mut self, profile: &ProfileName) -> Self {
        self.rules.retain(|rule| rule.is_for(profile));
        self
    }

    fn concerning(&self, name: &str) -> Arc<[usize]> {
        {
            let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(concerning) = remembered.get(name) {
                return Arc::clone(concerning);
            }
        }
        let concerning: Arc<[usize]> =
            self.rules.iter().enumerate().filter(|(_, rule)| rule.may_cover(name)).map(|(at, _)| at).collect();
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name.to_owned(), Arc::clone(&concerning));
        concerning
    }

    /// Decides; what was looked at on the way is told to `seen`.
    fn judge(
        &self,
        ctx: &CallContext,
        request: &Request,
        time: i64,
        seen: &mut dyn FnMut(&Compiled, Option<Miss>),
    ) -> Result<Decision> {
        let is_list = request.kind.list().is_some();
        if matches!(request.kind, RequestKind::SetLogLevel | RequestKind::ListTasks) {
            return Ok(listing());
        }
        let facts = Facts::of(ctx, request, time);
        let target = match &request.target {
            Some(target) => Some(target),
            None if is_list => None,
            None => return Ok(Decision::new(Effect::Deny, "unknown name", "no server of this profile offers it")),
        };
        let all;
        let concerning = match target {
            Some(target) => self.concerning(&target.to_string()),
            None => {
                all = (0..self.rules.len()).collect();
                all
            }
        };
        // A rule that lets through because of what an untrusted server says of itself, until a stricter word is found.
        let mut loosened: Option<Decision> = None;
        let mut found = None;
        for rule in concerning.iter().filter_map(|at| self.rules.get(*at)) {
            let miss = rule.miss(&facts)?;
            seen(rule, miss);
            if miss.is_some() {
                continue;
            }
            let decision = rule.decision();
            if rule.trusts_hints() && !facts.is_approved() && decision.effect != Effect::Deny {
                loosened = Some(stricter(loosened, decision));
                continue;
            }
            found = Some(decision);
            break;
        }
        let found = match found {
            Some(found) => found,
            None if is_list => return Ok(listing()),
            None => Decision::new(self.default, "default", "no rule matches"),
        };
        let decision = stricter(loosened, found);
        // A task was confirmed when it began; to ask again for each look at it would say nothing new.
        if request.kind.is_about_task() && decision.effect != Effect::Deny {
            return Ok(Decision::new(Effect::Allow, decision.rule, "the task was decided when it began"));
        }
        Ok(decision)
    }
}

fn listing() -> Decision {
    Decision::new(Effect::Allow, "listing", "listing shows only what the profile selects")
}

/// The stricter of two decisions; the first where they are alike.
fn stricter(first: Option<Decision>, second: Decision) -> Decision {
    match first {
        Some(first) if first.effect.strictness() >= second.effect.strictness() => first,
        _ => second,
    }
}

#[async_trait]
impl Policy for RulePolicy {
    async fn decide(&self, ctx: &CallContext, request: &Request) -> Result<Decision> {
        self.judge(ctx, request, clock::now_millis(), &mut |_, _| {})
    }

    async fn explain(&self, ctx: &CallContext, request: &Request, time: i64) -> Result<Explanation> {
        let mut steps = Vec::new();
        let decision = self.judge(ctx, request, time, &mut |rule, miss| {
            let step = Step::new(rule.label(), rule.effect(), miss.map(|miss| miss.as_str()));
            steps.push(step.with_asks(rule.asks(miss)));
        })?;
        Ok(Explanation::new(decision).with_steps(steps))
    }
}

#[cfg(test)]
mod tests;
