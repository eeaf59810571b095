//! Who is asked about what policy lets through with a confirmation only, and what the answer is worth.

mod client;
mod records;
mod rounds;
mod waiting;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::events::EventBus;
use super::layers::Call;
use crate::approval::{ApprovalQueue, Approver, Question, Scope, Verdict};
use crate::audit::AuditStore;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Decision, Effect, ProfileName};
use crate::profile::{ApprovalSpec, PendingWord};
use crate::protocol::stateless::InputResponses;
use crate::protocol::{RawJson, Request, RequestKind, Response};
use crate::telemetry::Metrics;
pub(crate) use client::APPROVAL;
use rounds::Approved;
pub(crate) use webhook::Webhook;

/// Whom confirmations go to.
///
/// # Behavior
/// - Soft ones go to the person at the client, where it can show a form; else as hard ones do.
/// - Hard ones go to the host's approver, else to the webhook, else to the operators' queue; to the client only where an
///   operator has declared it trusted.
/// - Whatever is not a yes in time is a no. A yes that cannot be recorded is a no.
#[derive(Debug)]
pub(crate) struct Approvals {
    parts: ApprovalParts,
    /// Where grants are: in the queue, else for as long as this lives.
    grants: ApprovalQueue,
    wait: Duration,
    good_for: Duration,
    remember: Duration,
    pending: PendingWord,
    trusted: Vec<String>,
    approved: Approved,
}

#[derive(Debug)]
pub(crate) struct ApprovalParts {
    pub(crate) approver: Option<Arc<dyn Approver>>,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) queue: Option<ApprovalQueue>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) profile: ProfileName,
    pub(crate) bus: EventBus,
    pub(crate) metrics: Metrics,
    /// How long a person at a client may think.
    pub(crate) question_timeout: Duration,
    /// Says that the gateway is shutting down, and nobody is waited for any longer.
    pub(crate) closing: CancellationToken,
}

/// How a question ended, with who said it and why.
#[derive(Debug)]
pub(crate) enum Settled {
    Granted(String),
    Refused(String),
    /// Nobody has answered yet; this tells the caller how it goes on.
    Pending(Response, String),
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Client,
    Host,
    Webhook,
    Queue,
}

impl Route {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Host => "host",
            Self::Webhook => "webhook",
            Self::Queue => "queue",
        }
    }
}

impl Approvals {
    pub(crate) fn new(spec: &ApprovalSpec, parts: ApprovalParts) -> Result<Self> {
        let grants = match &parts.queue {
            Some(queue) => queue.clone(),
            None => ApprovalQueue::in_memory()?,
        };
        Ok(Self {
            parts,
            grants,
            wait: spec.wait()?,
            good_for: spec.good_for()?,
            remember: spec.remember()?,
            pending: spec.pending.unwrap_or_default(),
            trusted: spec.trusted_clients.clone(),
            approved: Approved::default(),
        })
    }

    /// Asks whether a request may go on.
    ///
    /// # Errors
    /// Why nobody could be asked, or the answer not be kept; all of them are a no.
    pub(crate) async fn settle(&self, ctx: &CallContext, call: &Call, decision: &Decision) -> Result<Settled> {
        let mut question = self.question(ctx, call, decision)?;
        if self.approved.goes_on(&question, &call.request) {
            return Ok(Settled::Granted("it goes on with what was approved".to_owned()));
        }
        if let Some(grant) = self.grants.grant_for(&question).await? {
            let verdict = Verdict::new(true, &grant.by, &grant.reason).with_scope(grant.scope);
            self.record_answer(&question, "grant", Some(&grant.id), Ok(&verdict)).await?;
            return Ok(Settled::Granted(format!("{} (grant {})", said(&verdict), grant.id)));
        }
        question.previous = self.previous(&question).await;
        // What a person could not be shown whole is asked of nobody.
        question.to_text()?;
        let route = match self.route(call, &question) {
            Ok(route) => route,
            Err(error) => {
                self.record_question(&question, "nobody", None).await?;
                self.record_answer(&question, "nobody", None, Err(&error)).await?;
                return Err(error);
            }
        };
        if route == Route::Queue && self.pending == PendingWord::Return {
            return self.ask_for_later(&question).await;
        }
        let mut id = None;
        let answer = tokio::select! {
            answer = self.ask(ctx, call, &question, route, &mut id) => answer,
            () = self.parts.closing.cancelled() => {
                Err(Error::new(ErrorKind::Closed, "the gateway is shutting down, so nobody is waited for"))
            }
        };
        let answer = answer.and_then(|verdict| {
            verdict.check(decision.effect)?;
            Ok(verdict)
        });
        let recorded = self.record_answer(&question, route.as_str(), id.as_deref(), answer.as_ref()).await;
        let verdict = answer?;
        recorded?;
        Ok(self.carry_out(&question, &verdict).await)
    }

    /// Remembers the approved call that its server has asked something in the course of.
    pub(crate) fn note_round(&self, ctx: &CallContext, call: &Call, response: &Response) {
        if let Some(decision) = &call.decision
            && let Ok(question) = self.question(ctx, call, decision)
        {
            self.approved.note(&question, response);
        }
    }

    async fn ask(
        &self,
        ctx: &CallContext,
        call: &Call,
        question: &Question,
        route: Route,
        id: &mut Option<String>,
    ) -> Result<Verdict> {
        let parts = &self.parts;
        match (route, &parts.approver, &parts.webhook, &parts.queue) {
            (Route::Client, ..) => {
                self.record_question(question, route.as_str(), None).await?;
                self.ask_client(ctx, &call.request, question).await
            }
            (Route::Host, Some(approver), ..) => {
                self.record_question(question, route.as_str(), None).await?;
                approver.approve(ctx, question).await.map(Verdict::from)
            }
            (Route::Webhook, _, Some(webhook), _) => {
                self.record_question(question, route.as_str(), None).await?;
                webhook.ask(ctx, question).await.map(Verdict::from)
            }
            (Route::Queue, .., Some(queue)) => {
                let ticket = queue.ask(question, self.wait).await?;
                *id = Some(ticket.id().to_owned());
                self.record_question(question, route.as_str(), Some(ticket.id())).await?;
                self.wait_for(ctx, &call.request, &ticket).await
            }
            _ => Err(nobody()),
        }
    }

    fn route(&self, call: &Call, question: &Question) -> Result<Route> {
        let is_trusted = question.decision.effect == Effect::SoftConfirm
            || self.trusted.iter().any(|name| **name == *question.principal.name);
        let request = &call.request;
        // A client of requests that stand alone comes back with answers to these only.
        let may_be_asked = request.link.is_some() && (request.kind.may_ask() || !request.takes_rounds);
        if is_trusted && may_be_asked && call.client.can_answer("elicitation/create", &Value::Null) {
            return Ok(Route::Client);
        }
        if self.parts.approver.is_some() {
            return Ok(Route::Host);
        }
        if self.parts.webhook.is_some() {
            return Ok(Route::Webhook);
        }
        self.parts.queue.as_ref().map(|_| Route::Queue).ok_or_else(nobody)
    }

    fn question(&self, ctx: &CallContext, call: &Call, decision: &Decision) -> Result<Question> {
        let request = &call.request;
        let target = request.target.clone().ok_or_else(|| {
            Error::new(ErrorKind::Denied, "what a request without a target does cannot be shown to anyone")
        })?;
        let question = Question::new(target, shown(request), decision.clone())
            .with_asker(ctx)
            .with_kind(request.kind)
            .with_profile(self.parts.profile.clone())
            .with_described(request.described.clone())
            .with_verification(call.verification.clone())
            .with_facts(call.facts.clone());
        Ok(question)
    }

    /// What an answer means for the request that it was given for.
    async fn carry_out(&self, question: &Question, verdict: &Verdict) -> Settled {
        if !verdict.granted {
            return Settled::Refused(said(verdict));
        }
        if verdict.scope != Scope::Once
            && let Err(error) = self.grants.remember(question, verdict, self.remember).await
        {
            // The person has let this request through; others are asked about again.
            tracing::warn!(error = %error.report(), "an approval is not remembered");
        }
        Settled::Granted(said(verdict))
    }
}

/// What a person is shown of a request: its arguments; whatever it says where it has none, or says more than that.
fn shown(request: &Request) -> Option<RawJson> {
    let is_usual = |member: &str| {
        ["name", "arguments", "_meta", "task"].contains(&member) || InputResponses::MEMBERS.contains(&member)
    };
    let has_arguments = matches!(request.kind, RequestKind::CallTool | RequestKind::GetPrompt);
    if has_arguments && request.params.iter().all(|(member, _)| is_usual(member)) {
        return request.arguments().cloned();
    }
    let mut params = request.params.clone();
    for member in ["_meta"].iter().chain(&InputResponses::MEMBERS) {
        params.remove(member);
    }
    Some(params.to_raw())
}

fn said(verdict: &Verdict) -> String {
    if verdict.reason.is_empty() { verdict.by.clone() } else { format!("{}: {}", verdict.by, verdict.reason) }
}

fn nobody() -> Error {
    Error::new(ErrorKind::Closed, "there is no approver")
        .with_hint("use a client that shows forms, give the gateway an approver, or open it from a home with its queue; the profile's `policy` says what needs a confirmation")
}
