//! One request on its way to its server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Hub;
use super::alone::Alone;
use super::instance::Instance;
use super::rounds::Exchange;
use super::slot::Slot;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::layers::{Call, Service};
use crate::gateway::redact::{Findings, Kinds, RedactedLink, Redaction};
use crate::model::{CallContext, Described, ServerKind};
use crate::profile::Isolation;
use crate::protocol::stateless::InputResponses;
use crate::protocol::{
    ClientCapabilities, ClientLink, Era, ListKind, RawJson, RawObject, Request, RequestKind, Response, RpcError,
    Target, tasks,
};
use crate::transport::client::{Caller, PeerRequest};

/// How long a server may take to heed that a call was cancelled before it is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// How many servers an error tells about that might have had a name.
const EXPLAINED: usize = 3;

#[async_trait]
impl Service for Hub {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        if self.closing.is_cancelled() {
            return Err(super::start::closing());
        }
        if let Some(session) = &ctx.session
            && !self.sessions.is_open(session)
        {
            return Err(Error::new(ErrorKind::Closed, "the session has ended"));
        }
        let request = &call.request;
        match (request.kind, request.kind.list(), &request.target) {
            (_, Some(kind), _) => self.list(ctx, request, kind).await,
            (RequestKind::SetLogLevel, ..) => self.set_log_level(ctx, request).await,
            (RequestKind::ListTasks, ..) => self.list_tasks(ctx, request).await,
            (_, _, Some(target)) if target.is_own() => self.run_own(ctx, call, target).await,
            (_, _, Some(target)) => self.forward(ctx, call, target).await,
            (kind, _, None) => Err(request.unmatched().unwrap_or_else(|| {
                Error::new(ErrorKind::Internal, format!("`{kind}` goes to no server")).with_operation("Hub::call")
            })),
        }
    }
}

impl Hub {
    /// What a name in a request means, and what its server said that this is; of a task, what began it.
    pub(crate) async fn find(&self, ctx: &CallContext, request: &Request) -> Option<(Target, Option<Arc<Described>>)> {
        let subject = request.subject()?;
        if request.kind.is_about_task() {
            return self.tasks_begun.target(ctx, &subject);
        }
        let (target, described) = self.view_of(ctx.session.as_ref()).await.look_up(request, &subject)?;
        match target.change() {
            // What is decided about is the server that would come of it.
            Some(change) => {
                let described = self.describe_change(ctx, change, request).await;
                Some((target, described))
            }
            None => Some((target, described)),
        }
    }

    /// Refuses what was confirmed, or let through because it was approved, when it is about something else by now.
    async fn ensure_same(&self, ctx: &CallContext, call: &Call, slot: &Slot) -> Result<()> {
        let request = &call.request;
        if call.is_bound() {
            if !self.view_of(ctx.session.as_ref()).await.is_current(slot) {
                // What was recorded a moment ago is shown to clients a moment later, and counts here already.
                self.publish().await;
            }
            let now = self.find(ctx, request).await.and_then(|(_, described)| described);
            if now != request.described {
                return Err(changed("what it is about has changed while the request waited"));
            }
        }
        Ok(())
    }

    /// Sees servers that were never seen, for a name that nobody is known to offer.
    pub(crate) async fn get_to_know(&self, ctx: &CallContext) {
        self.discover(ctx).await;
        let view = self.view_of(ctx.session.as_ref()).await;
        if !self.slots().values().all(|slot| view.is_current(slot)) {
            // What was recorded a moment ago is shown to clients a moment later, and has a name already.
            self.publish().await;
        }
    }

    /// What a canonical name means whose server could not be seen; the request then fails for the server's own reason.
    pub(crate) fn find_unseen(&self, ctx: &CallContext, request: &Request) -> Option<Target> {
        if !matches!(request.kind, RequestKind::CallTool | RequestKind::GetPrompt) {
            return None;
        }
        let subject = request.subject()?;
        let selected = |slot: &Slot, name: &str| match &slot.body {
            Ok(body) => request.kind != RequestKind::CallTool || body.settings.offers(name),
            Err(_) => !slot.is_shut_out(),
        };
        let slots = self.slots_of(ctx.session.as_ref());
        let targets = slots.values().filter(|slot| !slot.has_surface()).filter_map(|slot| {
            let name = subject.strip_prefix(slot.name.as_str())?.strip_prefix('.')?;
            selected(slot, name).then(|| Target::new(slot.name.clone(), name))
        });
        targets.max_by_key(|target| target.server.as_str().len())
    }

    /// Says of a name that nobody is known to offer which servers could not be asked.
    pub(crate) fn explain_unknown(&self, error: Error) -> Error {
        let unavailable = self.unavailable();
        let rest = unavailable.len().saturating_sub(EXPLAINED);
        let explained = unavailable.into_iter().take(EXPLAINED).fold(error, |error, (server, reason)| {
            error.with_hint(format!("what server `{server}` offers is not known: {reason}"))
        });
        if rest == 0 { explained } else { explained.with_hint(format!("{rest} more servers are not known")) }
    }

    async fn list(&self, ctx: &CallContext, request: &Request, kind: ListKind) -> Result<Response> {
        self.discover(ctx).await;
        let cursor = request.params.text("cursor");
        let list = self.view_of(ctx.session.as_ref()).await.page(kind, cursor.as_deref(), self.options.page_size)?;
        let unavailable = self.unavailable();
        if unavailable.is_empty() {
            return Ok(Response::new(list));
        }
        let reasons: Vec<_> = unavailable
            .into_iter()
            .map(|(server, reason)| serde_json::json!({"server": server, "reason": reason}))
            .collect();
        let mut list = list.object()?;
        list.set("_meta", RawJson::from_value(&serde_json::json!({"mcp-gateway/unavailable": reasons}))?);
        Ok(Response::new(list.to_raw()))
    }

    async fn forward(&self, ctx: &CallContext, call: &Call, target: &Target) -> Result<Response> {
        let request = &call.request;
        let slot =
            &self.slots_of(ctx.session.as_ref()).get(&target.server).map(Arc::clone).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("no server `{}` in this profile", target.server))
            })?;
        if call.slot != Some(slot.number) {
            // What policy or a person has decided was about the one before.
            let changed = format!("server `{}` was replaced while the request waited", target.server);
            return Err(Error::new(ErrorKind::Conflict, changed).with_operation("Hub::forward"));
        }
        self.ensure_same(ctx, call, slot).await?;
        if let Err(held) = self.ensure_accepted(ctx, slot, request, target).await {
            self.look_anew(ctx, slot, held).await?;
            // Not every kind of request comes to where it is looked at once more before it is sent.
            self.ensure_accepted(ctx, slot, request, target).await?;
        }
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        if body.entry.kind == ServerKind::Poci {
            return self.run_tool(ctx, call, slot, body, target).await;
        }
        if matches!(request.kind, RequestKind::Subscribe | RequestKind::Unsubscribe) {
            return self.subscribe(ctx, slot, request, target).await;
        }
        if request.kind.is_about_task() {
            return self.follow_task(ctx, call, slot, target).await;
        }
        let single = body.settings.isolation == Isolation::Call;
        let (instance, alone) = if single {
            (self.take_single(ctx, slot).await?, None)
        } else {
            self.acquire_for(ctx, slot, request).await?
        };
        let mut lease = Lease { hub: self, slot, instance, single, alone };
        let outcome = self.send(ctx, call, target, &lease).await;
        if let (Ok(_), Some(alone)) = (&outcome, &mut lease.alone) {
            alone.done();
        }
        outcome
    }

    async fn send(&self, ctx: &CallContext, call: &Call, target: &Target, lease: &Lease<'_>) -> Result<Response> {
        let (request, slot, single) = (&call.request, lease.slot, lease.single);
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let instance = &lease.instance;
        // A server that was started for this request may offer something else than it did.
        self.ensure_accepted(ctx, slot, request, target).await?;
        if let (true, Some(described)) = (call.is_bound(), &request.described)
            && described.identity != instance.identity
        {
            return Err(changed("the server that runs is not the one that it was decided about"));
        }
        let era = instance.peer.era();
        // Set once: a call goes to one server.
        let _ = call.redaction.set(Arc::clone(&instance.redaction));
        let mut params = params(request, target);
        if era == Era::Session && InputResponses::take(&mut params)?.state.is_some() {
            // What it would be the state of was never begun; answers alone are given when the server asks.
            let why = "the request repeats one that asked for nothing, or whose time is up";
            return Err(Error::new(ErrorKind::InvalidInput, why).with_hint("send it without `requestState`"));
        }
        if single && params.get("task").is_some() {
            let why = "a server that is a fresh one for each call carries out no tasks";
            return Err(Error::new(ErrorKind::Unsupported, why));
        }
        let mut params = checked(call, &instance.redaction, params)?;
        let view = self.view_of(ctx.session.as_ref()).await;
        if era == Era::Session && request.takes_rounds {
            // The member means nothing in the stateless era, where it is the server that decides.
            params.remove("task");
        }
        if era == Era::Session
            && request.takes_rounds
            && view.requires_task(target)
            && let Err(refused) = want_task(&self.sessions.capabilities(ctx.session.as_ref()), &mut params)?
        {
            return Ok(Response::from_server(Err(refused), instance.id.clone(), era));
        }
        let caller = self.caller(ctx, request, single);
        let _gone = caller.gone.clone().drop_guard();
        if let Some(level) = caller.log_level {
            self.apply_log_level(ctx, instance, level).await;
        }
        let wants_task = params.get("task").is_some();
        let schema = match request.kind {
            RequestKind::CallTool => view.header_schema(target),
            _ => None,
        };
        let exchange =
            Exchange { ctx, call, server: &slot.name, instance, caller: Arc::clone(&caller), keeps_rounds: single };
        let make = |params: RawObject| {
            let mut outgoing = PeerRequest::new(request.kind.method(), params, body.settings.limits.call_timeout);
            outgoing.progress = progress(request, &instance.redaction);
            outgoing.caller = Some(Arc::clone(&caller));
            outgoing.schema.clone_from(&schema);
            outgoing
        };
        match self.exchange(&exchange, make, params).await {
            Ok(result) => {
                slot.health().answered();
                let redaction = &instance.redaction;
                let (result, era) = match result {
                    Ok(result)
                        if request.kind == RequestKind::CallTool
                            && !single
                            && (wants_task || era == Era::Stateless) =>
                    {
                        let (result, era) = self.note_task(ctx, request, target, instance, result)?;
                        (Ok(result), era)
                    }
                    result => (result, era),
                };
                let result = told(call, redaction, result)?;
                Ok(Response::from_server(result, instance.id.clone(), era))
            }
            // Its server was stopped on purpose, which is no failure of the server.
            Err(_) if self.closing.is_cancelled() => Err(super::start::closing()),
            Err(error) => {
                let error = instance.redaction.cut_out_of(error);
                let error = error.with_context("server", &slot.name).with_operation("Hub::forward");
                if instance.peer.is_closed() {
                    slot.health().crashed(error.clone());
                }
                Err(error)
            }
        }
    }
}

impl Hub {
    /// Who waits for the answer, and what can be asked of and told to them meanwhile.
    pub(super) fn caller(&self, ctx: &CallContext, request: &Request, single: bool) -> Arc<Caller> {
        let mut caller = Caller::new(Arc::clone(&ctx.principal.name));
        caller.link.clone_from(&request.link);
        caller.gone = ctx.cancellation.child_token();
        caller.can_be_asked = request.kind.may_ask() || request.kind == RequestKind::TaskResult;
        caller.capabilities = self.sessions.capabilities(ctx.session.as_ref());
        if single {
            // A task would end with the server that is there for this call only.
            caller.capabilities = caller.capabilities.without_tasks();
        }
        let own = || ctx.session.as_ref().and_then(|session| self.sessions.log_level(session));
        caller.log_level = request.log_level.or_else(own);
        Arc::new(caller)
    }
}

fn changed(why: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, why)
        .with_operation("Hub::forward")
        .with_hint("list again, and send the request again: it is then decided anew")
}

/// Asks a server of the session era for a task, for a client of the other that can follow one.
///
/// The inner error is the protocol's own for a client that cannot.
fn want_task(capabilities: &ClientCapabilities, params: &mut RawObject) -> Result<Result<(), RpcError>> {
    if !capabilities.has_extension(tasks::EXTENSION) {
        return Ok(Err(tasks::needed()));
    }
    params.set("task", RawJson::from_value(&tasks::wanted())?);
    Ok(Ok(()))
}

/// The parameters as the server knows them: its own name for what is asked.
fn params(request: &Request, target: &Target) -> RawObject {
    let mut params = request.params.clone();
    match request.kind {
        RequestKind::CallTool | RequestKind::GetPrompt => params.set_text("name", &target.name),
        RequestKind::Complete => {
            if let Some(mut reference) = params.get("ref").and_then(|reference| reference.object().ok()) {
                // What was decided about is all that the server gets to see.
                match request.completes() {
                    Some(ListKind::Prompts) => {
                        reference.remove("uri");
                        reference.set_text("name", &target.name);
                    }
                    _ => drop(reference.remove("name")),
                }
                params.set("ref", reference.to_raw());
            }
        }
        _ => {}
    }
    params
}

/// What a client sends, as the profile lets it through.
pub(crate) fn checked(call: &Call, redaction: &Redaction, params: RawObject) -> Result<RawObject> {
    let mut kinds = Kinds::default();
    let checked = redaction.arguments(params, &mut kinds);
    Findings::note_arguments(&call.findings, kinds);
    checked
}

/// What a server answers, without secrets.
pub(crate) fn told(
    call: &Call,
    redaction: &Redaction,
    result: Result<RawJson, RpcError>,
) -> Result<Result<RawJson, RpcError>> {
    match result {
        Ok(result) => {
            let mut kinds = Kinds::default();
            let told = redaction.result(result, &mut kinds);
            Findings::note_results(&call.findings, kinds);
            told.map(Ok)
        }
        Err(error) => Ok(Err(redaction.error(error))),
    }
}

/// Who wants progress: a client that gave a token and can be told.
fn progress(request: &Request, redaction: &Arc<Redaction>) -> Option<(RawJson, Arc<dyn ClientLink>)> {
    let link = request.link.clone()?;
    let token = request.params.get("_meta")?.object().ok()?.get("progressToken")?.clone();
    Some((token, Arc::new(RedactedLink::new(link, redaction))))
}

/// A server in use; given back, or thrown away after its one call, also when the call is dropped.
struct Lease<'a> {
    hub: &'a Hub,
    slot: &'a Arc<Slot>,
    instance: Arc<Instance>,
    single: bool,
    /// Where the server works for one client alone.
    alone: Option<Alone>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.instance.leave();
        let is_spent = self.instance.peer.is_closed() || self.alone.as_ref().is_some_and(|alone| !alone.is_clean());
        if self.single || (is_spent && self.slot.take(&self.instance)) {
            let is_told = !self.single && !self.instance.peer.is_closed();
            let grace = if is_told { GRACE } else { Duration::ZERO };
            self.hub.retire_after(grace, self.slot, Arc::clone(&self.instance));
        }
    }
}
