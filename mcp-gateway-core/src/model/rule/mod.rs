//! One rule of a policy, as a person writes it.

mod check;
mod predicate;
mod preset;
mod time;
mod words;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Effect;

pub use check::{RuleFault, check_rules, idle_rules};
pub use predicate::{Pointer, Predicate};
pub use preset::Preset;
pub use time::{TimeOfDay, TimeWindow, Weekday, Zone};
pub use words::{OneOrMany, Patterns};

/// One rule: what it covers and what may happen with it.
///
/// ```yaml
/// - id: deleting-is-for-people
///   match: "github.delete_*"          # a glob over the canonical name `server.tool`
///   arguments: {/repo: {glob: "acme/*"}}
///   role: "!admin"
///   time: {from: "18:00", until: "08:00", zone: Europe/Berlin}
///   effect: hard_confirm
///   reason: outside of working hours an operator looks at it
/// ```
///
/// # Behavior
/// - It covers a request when every condition that is written holds.
/// - Where globs are written, one or several, one of them has to match; one that begins with `!` must not match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// Its name, which decisions and records show; without one, they show what it matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Globs over the canonical name `server.tool`, such as `github.delete_*`; of a resource, `server.URI`.
    #[serde(rename = "match", default, skip_serializing_if = "Patterns::is_empty")]
    pub pattern: Patterns,
    /// Globs over the server's name.
    #[serde(default, skip_serializing_if = "Patterns::is_empty")]
    pub server: Patterns,
    /// Globs over the tool's or prompt's own name at its server, or the resource's URI.
    #[serde(default, skip_serializing_if = "Patterns::is_empty")]
    pub tool: Patterns,
    /// Kinds of request, such as `tools/call` or `resources/read`; none means all that are for a server.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub kind: OneOrMany<RuleKind>,
    /// What the tool's annotations say, such as `{destructiveHint: true}`; `null` for one that is not there.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, Value>,
    /// Whether an operator has approved the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// What must hold for the values in the arguments, by JSON pointer, such as `/path`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub arguments: IndexMap<Pointer, Predicate>,
    /// Globs over the principal's name.
    #[serde(default, skip_serializing_if = "Patterns::is_empty")]
    pub principal: Patterns,
    /// Globs over the principal's roles.
    #[serde(default, skip_serializing_if = "Patterns::is_empty")]
    pub role: Patterns,
    /// Globs over the profile's name, for rules that several profiles share.
    #[serde(default, skip_serializing_if = "Patterns::is_empty")]
    pub profile: Patterns,
    /// When it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeWindow>,
    /// What may happen.
    pub effect: Effect,
    /// Why, for the person whom it stops.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The kinds of request that rules tell apart, by the protocol's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RuleKind {
    /// `tools/call`, and what is asked about the tasks that it began.
    #[serde(rename = "tools/call")]
    CallTool,
    /// `prompts/get`
    #[serde(rename = "prompts/get")]
    GetPrompt,
    /// `resources/read`
    #[serde(rename = "resources/read")]
    ReadResource,
    /// `resources/subscribe`
    #[serde(rename = "resources/subscribe")]
    Subscribe,
    /// `resources/unsubscribe`
    #[serde(rename = "resources/unsubscribe")]
    Unsubscribe,
    /// `completion/complete`
    #[serde(rename = "completion/complete")]
    Complete,
    /// `tools/list`
    #[serde(rename = "tools/list")]
    ListTools,
    /// `prompts/list`
    #[serde(rename = "prompts/list")]
    ListPrompts,
    /// `resources/list`
    #[serde(rename = "resources/list")]
    ListResources,
    /// `resources/templates/list`
    #[serde(rename = "resources/templates/list")]
    ListResourceTemplates,
    /// `server/add`: an agent adds a server, by `mcp-add`.
    #[serde(rename = "server/add")]
    AddServer,
    /// `server/remove`: an agent takes a server out, by `mcp-remove`.
    #[serde(rename = "server/remove")]
    RemoveServer,
    /// `config/set`: an agent configures a server, by `mcp-config-set`.
    #[serde(rename = "config/set")]
    SetConfig,
    /// `profile/create`: an agent writes down the servers of its session as a profile, by `mcp-create-profile`.
    #[serde(rename = "profile/create")]
    CreateProfile,
}

impl Rule {
    /// Makes a rule for the names that a glob covers, without a reason.
    pub fn new(pattern: impl Into<String>, effect: Effect) -> Self {
        Self { pattern: Patterns::one(pattern), ..Self::any(effect) }
    }

    /// Makes a rule that covers everything, to be narrowed down.
    pub fn any(effect: Effect) -> Self {
        Self {
            id: None,
            pattern: Patterns::default(),
            server: Patterns::default(),
            tool: Patterns::default(),
            kind: OneOrMany::default(),
            annotations: IndexMap::new(),
            approved: None,
            arguments: IndexMap::new(),
            principal: Patterns::default(),
            role: Patterns::default(),
            profile: Patterns::default(),
            time: None,
            effect,
            reason: String::new(),
        }
    }

    /// Gives it a name.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Whether it says nothing about what it covers.
    pub fn is_unconditional(&self) -> bool {
        let any = Self { id: self.id.clone(), reason: self.reason.clone(), ..Self::any(self.effect) };
        *self == any
    }

    /// The name under which decisions show it; `number` is its place among the rules, from 1.
    pub fn label(&self, number: usize) -> String {
        match &self.id {
            Some(id) => id.clone(),
            None if self.pattern.is_empty() => format!("rule {number}"),
            None => self.pattern.to_string(),
        }
    }
}
