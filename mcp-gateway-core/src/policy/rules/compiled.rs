//! A rule, ready to be matched.

use std::cell::OnceCell;

use serde_json::Value;

use super::predicate::Demand;
use super::words::Words;
use crate::error::Result;
use crate::model::{CallContext, Decision, Described, Effect, Patterns, ProfileName, Rule, RuleKind};
use crate::protocol::{Request, RequestKind, ServerChange};
use crate::util::pattern::Pattern;

/// A rule with its globs compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    rule: Rule,
    label: String,
    name: Globs,
    server: Globs,
    tool: Globs,
    principal: Globs,
    role: Globs,
    profile: Globs,
    arguments: Vec<(String, Demand)>,
    /// Only for presets: what the words of a tool's name say that it does.
    words: Option<Words>,
}

/// What is known of a request.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    ctx: &'a CallContext,
    request: &'a Request,
    described: Option<&'a Described>,
    time: i64,
    /// Read when the first rule asks for them.
    arguments: OnceCell<Value>,
}

/// Which of a rule's conditions does not hold, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    Kind,
    Name,
    Annotations,
    Approved,
    Principal,
    Role,
    Time,
    Arguments,
    /// Of a task, the arguments that it began with are not known any more.
    ArgumentsGone,
}

impl Miss {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Annotations => "annotations",
            Self::Approved => "approved",
            Self::Principal => "principal",
            Self::Role => "role",
            Self::Time => "time",
            Self::Arguments => "arguments",
            Self::ArgumentsGone => "arguments of a task are not known after it began",
        }
    }
}

/// Globs of which one has to match, and others that must not.
#[derive(Debug, Default)]
struct Globs {
    of: Vec<Pattern>,
    not: Vec<Pattern>,
}

impl Globs {
    fn new(patterns: &Patterns) -> Self {
        let (not, of): (Vec<_>, Vec<_>) = patterns.as_slice().iter().partition(|glob| glob.starts_with('!'));
        let compile =
            |globs: Vec<&String>| globs.into_iter().map(|glob| Pattern::new(glob.trim_start_matches('!'))).collect();
        Self { of: compile(of), not: compile(not) }
    }

    fn matches(&self, text: &str) -> bool {
        self.match_any(std::iter::once(text))
    }

    /// Whether one of the texts matches, and none of those that must not.
    fn match_any<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        let has = |globs: &[Pattern]| globs.iter().any(|glob| texts.clone().any(|text| glob.matches(text)));
        (self.of.is_empty() || has(&self.of)) && !has(&self.not)
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(ctx: &'a CallContext, request: &'a Request, time: i64) -> Self {
        Self { ctx, request, described: request.described.as_deref(), time, arguments: OnceCell::new() }
    }

    pub(super) fn is_approved(&self) -> bool {
        self.described.is_some_and(|described| described.approved)
    }

    fn kind(&self) -> Option<RuleKind> {
        // Whoever lets tools be called has not said that servers may be added.
        if let Some(change) = self.request.change() {
            return match change {
                ServerChange::Add => Some(RuleKind::AddServer),
                ServerChange::Remove => Some(RuleKind::RemoveServer),
                ServerChange::Configure => Some(RuleKind::SetConfig),
                ServerChange::CreateProfile => Some(RuleKind::CreateProfile),
            };
        }
        Some(match self.request.kind {
            RequestKind::CallTool => RuleKind::CallTool,
            kind if kind.is_about_task() => RuleKind::CallTool,
            RequestKind::GetPrompt => RuleKind::GetPrompt,
            RequestKind::ReadResource => RuleKind::ReadResource,
            RequestKind::Subscribe => RuleKind::Subscribe,
            RequestKind::Unsubscribe => RuleKind::Unsubscribe,
            RequestKind::Complete => RuleKind::Complete,
            RequestKind::ListTools => RuleKind::ListTools,
            RequestKind::ListPrompts => RuleKind::ListPrompts,
            RequestKind::ListResources => RuleKind::ListResources,
            RequestKind::ListResourceTemplates => RuleKind::ListResourceTemplates,
            _ => return None,
        })
    }

    fn arguments(&self) -> Result<&Value> {
        if let Some(arguments) = self.arguments.get() {
            return Ok(arguments);
        }
        let arguments = self.request.arguments().map_or(Ok(Value::Null), |arguments| arguments.read())?;
        Ok(self.arguments.get_or_init(|| arguments))
    }
}

impl Compiled {
    pub(super) fn new(rule: Rule, number: usize) -> Self {
        Self {
            label: rule.label(number),
            name: Globs::new(&rule.pattern),
            server: Globs::new(&rule.server),
            tool: Globs::new(&rule.tool),
            principal: Globs::new(&rule.principal),
            role: Globs::new(&rule.role),
            profile: Globs::new(&rule.profile),
            arguments: rule
                .arguments
                .iter()
                .map(|(pointer, predicate)| (pointer.as_str().to_owned(), Demand::new(predicate)))
                .collect(),
            words: None,
            rule,
        }
    }

    /// Only for tools whose names say so in words.
    pub(super) fn with_words(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) const fn effect(&self) -> Effect {
        self.rule.effect
    }

    pub(super) fn decision(&self) -> Decision {
        Decision::new(self.rule.effect, self.label.as_str(), self.rule.reason.as_str())
    }

    pub(super) fn is_for(&self, profile: &ProfileName) -> bool {
        self.profile.matches(profile.as_str())
    }

    /// Whether it asks for what an untrusted server says of itself.
    pub(super) fn trusts_hints(&self) -> bool {
        !self.rule.annotations.is_empty()
    }

    /// Whether a canonical name is among those that it covers, as far as that depends on the whole name alone.
    pub(super) fn may_cover(&self, name: &str) -> bool {
        self.name.matches(name)
    }

    /// The first of its conditions that does not hold; nothing when it covers the request.
    ///
    /// # Errors
    /// `Protocol` when it asks for arguments and there are some that cannot be read.
    pub(super) fn miss(&self, facts: &Facts<'_>) -> Result<Option<Miss>> {
        let request = facts.request;
        let names_lists = self.rule.kind.as_slice().iter().any(|kind| is_list(*kind));
        match facts.kind() {
            Some(kind) if self.rule.kind.is_empty() && !is_list(kind) => {}
            Some(kind) if self.rule.kind.as_slice().contains(&kind) => {}
            _ => return Ok(Some(Miss::Kind)),
        }
        match &request.target {
            Some(target) if !self.server.matches(target.server.as_str()) || !self.tool.matches(&target.name) => {
                return Ok(Some(Miss::Name));
            }
            Some(target) if self.words.as_ref().is_some_and(|words| !words.say(&target.name)) => {
                return Ok(Some(Miss::Name));
            }
            // A list is of all servers.
            None if !names_lists || self.names_something() => return Ok(Some(Miss::Name)),
            _ => {}
        }
        let annotation = |name: &str| facts.described.and_then(|described| described.annotations.get(name));
        let says = |(name, wanted): (&String, &Value)| annotation(name).unwrap_or(&Value::Null) == wanted;
        if !self.rule.annotations.iter().all(says) {
            return Ok(Some(Miss::Annotations));
        }
        if self.rule.approved.is_some_and(|approved| approved != facts.is_approved()) {
            return Ok(Some(Miss::Approved));
        }
        let principal = &facts.ctx.principal;
        if !self.principal.matches(&principal.name) {
            return Ok(Some(Miss::Principal));
        }
        if !self.role.match_any(principal.roles.iter().map(|role| &**role)) {
            return Ok(Some(Miss::Role));
        }
        if self.rule.time.as_ref().is_some_and(|window| !window.contains(facts.time)) {
            return Ok(Some(Miss::Time));
        }
        if self.arguments.is_empty() {
            return Ok(None);
        }
        if request.kind.is_about_task() {
            // What lets it through was decided when it began; a denial for some arguments is not one for all of them.
            return Ok((self.rule.effect == Effect::Deny).then_some(Miss::ArgumentsGone));
        }
        let arguments = facts.arguments()?;
        let holds = self.arguments.iter().all(|(pointer, demand)| demand.holds(arguments.pointer(pointer)));
        Ok((!holds).then_some(Miss::Arguments))
    }

    /// What it asked for that may be unknown of a request of the past, as far as it came.
    pub(super) fn asks(&self, miss: Option<Miss>) -> Vec<String> {
        let came = |to: Miss| miss.is_none_or(|miss| miss as u8 >= to as u8);
        let mut asks = Vec::new();
        if !self.rule.role.is_empty() && came(Miss::Role) {
            asks.push("role".to_owned());
        }
        if !self.arguments.is_empty() && came(Miss::Arguments) {
            asks.push("arguments".to_owned());
        }
        asks
    }

    fn names_something(&self) -> bool {
        let rule = &self.rule;
        let globs = [&rule.pattern, &rule.server, &rule.tool];
        globs.iter().any(|globs| !globs.is_empty()) || !rule.arguments.is_empty() || rule.approved.is_some()
    }
}

const fn is_list(kind: RuleKind) -> bool {
    matches!(
        kind,
        RuleKind::ListTools | RuleKind::ListPrompts | RuleKind::ListResources | RuleKind::ListResourceTemplates
    )
}
