//! What policy would say, without anything being carried out.

use serde::Serialize;

use super::McpGateway;
use crate::audit::{AuditQuery, AuditRecord};
use crate::error::Result;
use crate::model::{CallContext, Decision, Principal, RuleFault, ServerName, check_rules, idle_rules};
use crate::policy::{CaseOutcome, Explanation, PolicyCase, PolicyQuestion};
use crate::protocol::{GATEWAY, RawJson, RawObject, Request, RequestKind, Target};

/// What policy says now about requests that were recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DryRun {
    /// How many recorded decisions were looked at.
    pub records: usize,
    /// How many of them would be the same.
    pub same: usize,
    /// Those that would be others, oldest first.
    pub changes: Vec<Change>,
    /// How many, among all of them, a rule looked at by what was not recorded: arguments or roles.
    pub uncertain: usize,
}

/// A recorded decision that would be another one now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Change {
    /// The number of the record.
    pub sequence: u64,
    /// When, in milliseconds since the Unix epoch.
    pub time: i64,
    /// Who asked.
    pub principal: String,
    /// The method.
    pub action: String,
    /// The canonical name.
    pub target: String,
    /// What was decided.
    pub before: Decision,
    /// What would be decided.
    pub after: Decision,
    /// What a rule asked for that was not recorded; the decision may be another one with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<String>,
}

impl McpGateway {
    /// What policy says about a request, and why; nothing is carried out, recorded or started.
    ///
    /// A name that no server is recorded to offer is taken as `server.tool`, so that it can be asked about before.
    ///
    /// # Errors
    /// `InvalidInput` for a question that is none; what the policy says when it cannot decide.
    pub async fn explain_policy(&self, question: &PolicyQuestion) -> Result<Explanation> {
        let (ctx, request, time) = (question.context(), question.request()?, question.at()?);
        let found = self.hub.find(&ctx, &request).await;
        let (target, described) = match found {
            Some((target, described)) => (Some(target), described),
            None => (request.subject().and_then(|name| self.split(&name)), None),
        };
        let request = question.about(request, target, described);
        let explanation = self.policy.explain(&ctx, &request, time).await?;
        let approved = request.described.as_ref().map(|described| described.approved);
        let mut explanation = explanation.about(request.target.as_ref().map(ToString::to_string), approved);
        explanation.held = self.hub.why_held(&ctx, &request);
        Ok(explanation)
    }

    /// What policy says about cases, each beside what is expected of it.
    ///
    /// # Errors
    /// As [`explain_policy`](Self::explain_policy).
    pub async fn test_policy(&self, cases: Vec<PolicyCase>) -> Result<Vec<CaseOutcome>> {
        let mut outcomes = Vec::new();
        for case in cases {
            let explanation = self.explain_policy(&case.ask).await?;
            outcomes.push(case.outcome(explanation));
        }
        Ok(outcomes)
    }

    /// What policy says now about the requests of the audit trail.
    ///
    /// # Behavior
    /// - Each is decided as of its own time. Definitions, and what is approved, are as they are recorded now.
    /// - Roles are not recorded, and arguments only where the profile says so: what rules ask about them does not hold,
    ///   and the answer says for which requests a rule asked.
    ///
    /// # Errors
    /// What the audit trail says, or the policy when it cannot decide.
    pub async fn dry_run_policy(&self, query: &AuditQuery) -> Result<DryRun> {
        let mut run = DryRun::default();
        for record in self.audit().query(query).await? {
            let Some(before) = &record.event.decision else { continue };
            let Some((ctx, request)) = self.again(&record).await? else { continue };
            let explanation = self.policy.explain(&ctx, &request, record.event.time).await?;
            let mut unrecorded = explanation.asked();
            unrecorded.retain(|fact| fact == "role" || (fact == "arguments" && record.event.arguments.is_none()));
            run.records += 1;
            run.uncertain += usize::from(!unrecorded.is_empty());
            if explanation.decision.effect == before.effect {
                run.same += 1;
                continue;
            }
            run.changes.push(Change {
                sequence: record.sequence,
                time: record.event.time,
                principal: record.event.principal.clone(),
                action: record.event.action.clone(),
                target: request.target.map(|target| target.to_string()).unwrap_or_default(),
                before: before.clone(),
                after: explanation.decision,
                unrecorded,
            });
        }
        Ok(run)
    }

    /// What is wrong with the rules of the profile, or cannot be meant as it is written.
    ///
    /// # Errors
    /// As [`Profile::spec`](crate::profile::Profile::spec).
    pub async fn check_policy(&self) -> Result<Vec<RuleFault>> {
        let spec = self.hub.profile.spec().await?;
        let mut faults = check_rules(&spec.policy.rules);
        let own = spec.dynamic.enabled.then_some(GATEWAY);
        faults.extend(idle_rules(&spec.policy.rules, spec.servers.keys().map(ServerName::as_str).chain(own)));
        Ok(faults)
    }

    /// A recorded request, to be decided again; nothing for what is no request, or was about a name that nobody offers.
    async fn again(&self, record: &AuditRecord) -> Result<Option<(CallContext, Request)>> {
        let event = &record.event;
        let Some(kind) = RequestKind::from_method(&event.action) else { return Ok(None) };
        let mut params = RawObject::default();
        if let Some(arguments) = event.arguments.as_ref().filter(|arguments| arguments.is_object()) {
            params.set("arguments", RawJson::from_value(arguments)?);
        }
        let ctx = CallContext::new(Principal::new(&event.principal));
        let mut request = Request::new(kind, params);
        if let (Some(server), Some(name)) = (&event.server, &event.name) {
            let target = Target::new(server.clone(), name.as_str());
            request.described = self.hub.view().describe(kind, &target);
            request.target = Some(target);
        }
        if request.target.is_none() && kind.list().is_none() && kind != RequestKind::SetLogLevel {
            return Ok(None);
        }
        Ok(Some((ctx, request)))
    }

    /// A canonical name, split at the longest server of the profile that it begins with, or at its first dot.
    fn split(&self, name: &str) -> Option<Target> {
        let slots = self.hub.slots();
        let servers =
            slots.keys().filter(|server| name.strip_prefix(server.as_str()).is_some_and(|rest| rest.starts_with('.')));
        let server = match servers.max_by_key(|server| server.as_str().len()) {
            Some(server) => server.clone(),
            None => ServerName::new(name.split_once('.')?.0).ok()?,
        };
        let rest = name.get(server.as_str().len() + 1..)?;
        Some(Target::new(server, rest))
    }
}
