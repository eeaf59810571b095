//! Requests that are only asked about, and what is expected of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Explanation;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Decision, Described, Effect, Principal, RuleKind};
use crate::protocol::{GATEWAY, RawJson, RawObject, Request, RequestKind, ServerChange, Target};
use crate::util::clock;

/// A request that policy is asked about and that is not carried out.
///
/// ```yaml
/// name: github.delete_repo
/// arguments: {repo: acme/site}
/// principal: ann
/// roles: [admin]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyQuestion {
    /// What it is about: the name under which it is shown, or the canonical `server.tool`.
    pub name: String,
    /// What is asked; a tool call where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<RuleKind>,
    /// The arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
    /// Who asks; `local`, the owner of the process, where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// With which roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The tool's annotations; as they are recorded where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Map<String, Value>>,
    /// Whether its definition is approved; as it is recorded where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// When, RFC 3339 in UTC; now where nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// One line of a table of cases: a request, and what is expected of policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyCase {
    /// The request.
    pub ask: PolicyQuestion,
    /// What may happen with it.
    pub expect: Effect,
    /// The rule that has to decide, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CaseOutcome {
    /// The case.
    pub case: PolicyCase,
    /// What policy decides.
    pub decision: Decision,
    /// Whether that is what was expected.
    pub passed: bool,
}

impl PolicyQuestion {
    /// Asks about a tool call.
    pub fn call(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The request, before its name is looked up.
    ///
    /// # Errors
    /// `InvalidInput` without a name; `Internal` when the arguments have no JSON form.
    pub fn request(&self) -> Result<Request> {
        let kind = self.kind.unwrap_or(RuleKind::CallTool);
        let (kind, member) = match kind {
            RuleKind::CallTool => (RequestKind::CallTool, "name"),
            RuleKind::GetPrompt => (RequestKind::GetPrompt, "name"),
            RuleKind::ReadResource => (RequestKind::ReadResource, "uri"),
            RuleKind::Subscribe => (RequestKind::Subscribe, "uri"),
            RuleKind::Unsubscribe => (RequestKind::Unsubscribe, "uri"),
            RuleKind::Complete => (RequestKind::Complete, "ref"),
            RuleKind::AddServer => return self.changes(ServerChange::Add),
            RuleKind::RemoveServer => return self.changes(ServerChange::Remove),
            RuleKind::SetConfig => return self.changes(ServerChange::Configure),
            RuleKind::CreateProfile => return self.changes(ServerChange::CreateProfile),
            RuleKind::ListTools => (RequestKind::ListTools, ""),
            RuleKind::ListPrompts => (RequestKind::ListPrompts, ""),
            RuleKind::ListResources => (RequestKind::ListResources, ""),
            RuleKind::ListResourceTemplates => (RequestKind::ListResourceTemplates, ""),
        };
        let mut params = RawObject::default();
        if self.name.is_empty() != member.is_empty() {
            let why = if member.is_empty() { "a list has no name" } else { "it is not said what is asked about" };
            return Err(Error::new(ErrorKind::InvalidInput, why).with_hint("name a tool as `server.tool`"));
        }
        match member {
            "" => {}
            "ref" => {
                // As a prompt where it has no scheme; a template's address has one.
                let (kind, key) =
                    if self.name.contains("://") { ("ref/resource", "uri") } else { ("ref/prompt", "name") };
                let reference = serde_json::json!({"type": kind, key: self.name});
                params.set("ref", RawJson::from_value(&reference)?);
            }
            member => params.set_text(member, &self.name),
        }
        if let Some(arguments) = &self.arguments {
            params.set("arguments", RawJson::from_value(arguments)?);
        }
        Ok(Request::new(kind, params))
    }

    /// A call of the gateway's own tool that changes this server, or writes this profile.
    fn changes(&self, change: ServerChange) -> Result<Request> {
        let member = if change == ServerChange::CreateProfile { "profile" } else { "server" };
        if self.name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("it is not said which {member} is meant")));
        }
        let mut arguments = self.arguments.clone().unwrap_or_default();
        arguments.insert(member.to_owned(), self.name.as_str().into());
        Request::call_tool(&format!("{GATEWAY}.{}", change.tool()), &arguments)
    }

    /// The request as policy gets it: with its target, and with what is written here about its definition.
    pub fn about(&self, mut request: Request, target: Option<Target>, described: Option<Arc<Described>>) -> Request {
        let mut described = described.as_deref().cloned();
        if self.annotations.is_some() || self.approved.is_some() {
            let mut own = described.unwrap_or_default();
            if let Some(annotations) = &self.annotations {
                own.annotations = Value::Object(annotations.clone());
            }
            own.approved = self.approved.unwrap_or(own.approved);
            described = Some(own);
        }
        request.target = target;
        request.described = described.map(Arc::new);
        request
    }

    /// Who asks.
    pub fn context(&self) -> CallContext {
        let principal = self.principal.as_deref().map_or_else(Principal::local, Principal::new);
        CallContext::new(principal.with_roles(&self.roles))
    }

    /// When, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// `InvalidInput` for what is no time.
    pub fn at(&self) -> Result<i64> {
        let Some(time) = &self.time else { return Ok(clock::now_millis()) };
        clock::parse_rfc3339(time).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("`{time}` is not a time"))
                .with_hint("write such as `2026-11-27T22:15:00Z`")
        })
    }
}

impl PolicyCase {
    /// A case.
    pub const fn new(ask: PolicyQuestion, expect: Effect) -> Self {
        Self { ask, expect, rule: None }
    }

    /// How it came out.
    pub fn outcome(self, explanation: Explanation) -> CaseOutcome {
        let decision = explanation.decision;
        let is_rule = self.rule.as_ref().is_none_or(|rule| *rule == decision.rule);
        CaseOutcome { passed: is_rule && self.expect == decision.effect, case: self, decision }
    }
}
