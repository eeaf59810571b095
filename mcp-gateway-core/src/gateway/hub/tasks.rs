//! Calls that go on after their answer: who began them, and where they run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::Hub;
use super::call::told;
use super::instance::{InUse, Instance};
use super::slot::Slot;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::layers::Call;
use crate::model::{CallContext, Described, Principal, SessionId};
use crate::protocol::tasks::{TaskState, in_extension};
use crate::protocol::{Era, RawJson, RawObject, Request, RequestKind, Response, RpcError, Target};
use crate::transport::client::PeerRequest;

/// How many tasks of one principal are followed, and for how long each.
const MAX_TASKS: usize = 1_000;
const MAX_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// How many tasks one page of a list has.
const PAGE: usize = 50;

/// The tasks, oldest first; several servers may give the same id.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Vec<(String, Task)>>);

#[derive(Clone, Debug)]
struct Task {
    target: Target,
    described: Option<Arc<Described>>,
    principal: Principal,
    /// The session of a client that has one; others are known by their principal.
    session: Option<SessionId>,
    instance: Arc<Instance>,
    /// Keeps the server in use until the task is over.
    held: Option<Arc<InUse>>,
    begun: Instant,
}

impl Task {
    fn is_for(&self, ctx: &CallContext) -> bool {
        self.principal == ctx.principal && self.session.as_ref().is_none_or(|own| Some(own) == ctx.session.as_ref())
    }
}

impl Tasks {
    /// The tool that a task of the caller was begun with.
    pub(super) fn target(&self, ctx: &CallContext, id: &str) -> Option<(Target, Option<Arc<Described>>)> {
        self.find(ctx, id).map(|task| (task.target, task.described))
    }

    /// Gives up the tasks of a session.
    pub(super) fn forget(&self, session: &SessionId) {
        self.locked().retain(|(_, task)| task.session.as_ref() != Some(session));
    }

    /// Gives up the tasks of a server that is stopped.
    pub(super) fn forget_server(&self, instance: &Arc<Instance>) {
        self.locked().retain(|(_, task)| !Arc::ptr_eq(&task.instance, instance));
    }

    /// Gives up tasks that nobody has asked about for too long.
    pub(super) fn forget_old(&self) {
        self.locked().retain(|(_, task)| task.begun.elapsed() < MAX_AGE);
    }

    fn find(&self, ctx: &CallContext, id: &str) -> Option<Task> {
        self.locked().iter().find(|(known, task)| known == id && task.is_for(ctx)).map(|(_, task)| task.clone())
    }

    fn of(&self, ctx: &CallContext) -> Vec<(String, Task)> {
        self.locked().iter().filter(|(_, task)| task.is_for(ctx)).cloned().collect()
    }

    /// Follows a task; two of one caller under one id could not be told apart.
    fn follow(&self, ctx: &CallContext, id: &str, task: Task) -> Result<()> {
        let mut tasks = self.locked();
        let own = |(known, of): &(String, Task)| known == id && of.is_for(ctx);
        if let Some(at) = tasks.iter().position(own) {
            if !Arc::ptr_eq(&tasks[at].1.instance, &task.instance) {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    "server began a task under an id that another of the caller has",
                ));
            }
            tasks.remove(at);
        }
        let same = |task: &Task| task.principal == ctx.principal;
        if tasks.iter().filter(|(_, task)| same(task)).count() >= MAX_TASKS
            && let Some(oldest) = tasks.iter().position(|(_, task)| same(task))
        {
            tasks.remove(oldest);
        }
        tasks.push((id.to_owned(), task));
        Ok(())
    }

    fn settle(&self, ctx: &CallContext, id: &str) {
        if let Some((_, task)) = self.locked().iter_mut().find(|(known, task)| known == id && task.is_for(ctx)) {
            task.held = None;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<(String, Task)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Follows the task that an answer begins, if it begins one, and shows it in the caller's form.
    pub(super) fn note_task(
        &self,
        ctx: &CallContext,
        request: &Request,
        target: &Target,
        instance: &Arc<Instance>,
        result: RawJson,
    ) -> Result<(RawJson, Era)> {
        let era = instance.peer.era();
        let Some(state) = TaskState::begun(&result, era) else { return Ok((result, era)) };
        let held = (!state.is_over).then(|| Arc::new(InUse::new(instance)));
        let task = Task {
            target: target.clone(),
            described: request.described.clone(),
            principal: ctx.principal.clone(),
            session: ctx.session.clone().filter(|_| !request.takes_rounds),
            instance: Arc::clone(instance),
            held,
            begun: Instant::now(),
        };
        self.tasks_begun.follow(ctx, &state.id, task)?;
        // Whoever ended the session or its server meanwhile has found nothing to end.
        if instance.peer.is_closed() {
            self.tasks_begun.forget_server(instance);
        }
        if let Some(session) = ctx.session.as_ref().filter(|session| !self.sessions.is_open(session)) {
            self.tasks_begun.forget(session);
        }
        if era == Era::Session && request.takes_rounds {
            let task = result.object()?.get("task").map(RawJson::object).transpose()?.unwrap_or_default();
            return Ok((in_extension(&task, "task", None).to_raw(), Era::Stateless));
        }
        Ok((result, era))
    }

    /// Carries out a request about a task.
    pub(super) async fn follow_task(
        &self,
        ctx: &CallContext,
        call: &Call,
        slot: &Slot,
        target: &Target,
    ) -> Result<Response> {
        let request = &call.request;
        let id = request.subject().unwrap_or_default();
        let gone = || Error::new(ErrorKind::NotFound, format!("task `{id}` is not known, or its time is up"));
        let task = self.tasks_begun.find(ctx, &id).filter(|task| task.target == *target).ok_or_else(gone)?;
        // Set once: a call goes to one server.
        let _ = call.redaction.set(Arc::clone(&task.instance.redaction));
        let era = task.instance.peer.era();
        let asked = Asked { hub: self, ctx, slot, request, task: &task, id: &id };
        let result = match (request.takes_rounds, era) {
            (true, Era::Session) => asked.bridged().await?,
            _ => asked.send(request.kind, request.params.clone()).await?,
        };
        let says_so = |result: &RawJson| {
            result.object().ok().and_then(|task| TaskState::of(&task)).is_some_and(|state| state.is_over)
        };
        let ends = matches!(request.kind, RequestKind::TaskResult | RequestKind::CancelTask);
        if result.as_ref().is_ok_and(|result| ends || says_so(result)) {
            self.tasks_begun.settle(ctx, &id);
        }
        let redaction = &task.instance.redaction;
        let result = told(call, redaction, result)?;
        let era = if request.takes_rounds { Era::Stateless } else { era };
        Ok(Response::from_server(result, task.instance.id.clone(), era))
    }

    /// The tasks of a session, as their servers describe them now.
    pub(super) async fn list_tasks(&self, ctx: &CallContext, request: &Request) -> Result<Response> {
        let mut tasks = self.tasks_begun.of(ctx);
        if let Some(cursor) = request.params.text("cursor") {
            let after = tasks.iter().position(|(id, _)| *id == cursor).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "cursor was not given for this list, or its place is gone")
            })?;
            tasks.drain(..=after);
        }
        let next = (tasks.len() > PAGE).then(|| tasks[PAGE - 1].0.clone());
        tasks.truncate(PAGE);
        let described = tasks.iter().map(|(id, task)| async move {
            let slot = self.slots_of(ctx.session.as_ref()).get(&task.target.server).map(Arc::clone)?;
            let mut params = RawObject::default();
            params.set_text("taskId", id);
            let asked = Asked { hub: self, ctx, slot: &slot, request, task, id };
            let answer = asked.send(RequestKind::GetTask, params).await.ok()?.ok()?;
            let mut answer = task.instance.redaction.json(answer).object().ok()?;
            answer.remove("_meta");
            Some(answer.to_raw())
        });
        let described: Vec<RawJson> = join_all(described).await.into_iter().flatten().collect();
        let mut result = RawObject::default();
        result.set("tasks", RawJson::from_value(&described)?);
        if let Some(next) = next {
            result.set_text("nextCursor", &next);
        }
        Ok(Response::new(result.to_raw()))
    }
}

/// A question about a task.
struct Asked<'a> {
    hub: &'a Hub,
    ctx: &'a CallContext,
    slot: &'a Slot,
    request: &'a Request,
    task: &'a Task,
    id: &'a str,
}

impl Asked<'_> {
    async fn send(&self, kind: RequestKind, params: RawObject) -> Result<Result<RawJson, RpcError>> {
        let body = self.slot.body.as_ref().map_err(Clone::clone)?;
        let mut outgoing = PeerRequest::new(kind.method(), params, body.settings.limits.call_timeout);
        let caller = self.hub.caller(self.ctx, self.request, false);
        let _gone = caller.gone.clone().drop_guard();
        outgoing.caller = Some(caller);
        self.task.instance.peer.request(self.ctx, outgoing).await
    }

    /// Asks a server of the session era for a client of the other.
    async fn bridged(&self) -> Result<Result<RawJson, RpcError>> {
        let mut params = RawObject::default();
        params.set_text("taskId", self.id);
        let done = || Ok(Ok(RawJson::parse(r#"{"resultType":"complete"}"#)?));
        match self.request.kind {
            RequestKind::CancelTask => match self.send(RequestKind::CancelTask, params).await? {
                // One that is over cannot be cancelled there; here that is no error.
                Ok(_) | Err(_) => done(),
            },
            RequestKind::GetTask => {
                let task = match self.send(RequestKind::GetTask, params.clone()).await? {
                    Ok(task) => task.object()?,
                    Err(error) => return Ok(Err(error)),
                };
                let outcome = match task.text("status").as_deref() {
                    Some("completed" | "failed") => Some(self.send(RequestKind::TaskResult, params).await?),
                    _ => None,
                };
                let (status, outcome) = match outcome {
                    Some(Ok(result)) => ("completed", Some(("result", without_origin(result)?))),
                    Some(Err(error)) => ("failed", Some(("error", RawJson::from_value(&error)?))),
                    None => ("", None),
                };
                let mut shown = in_extension(&task, "complete", outcome);
                if !status.is_empty() {
                    // A tool that says it failed has a result, and a task with a result is complete.
                    shown.set_text("status", status);
                }
                Ok(Ok(shown.to_raw()))
            }
            // It would ask by its own requests, and only while somebody waits for its result.
            _ => Ok(Err(RpcError::method_not_found("tasks/update"))),
        }
    }
}

/// The result without the note of which task it is from: it stands inside that task.
fn without_origin(result: RawJson) -> Result<RawJson> {
    let mut result = result.object()?;
    if let Some(mut meta) = result.get("_meta").map(RawJson::object).transpose()? {
        meta.remove("io.modelcontextprotocol/related-task");
        if meta.is_empty() {
            result.remove("_meta");
        } else {
            result.set("_meta", meta.to_raw());
        }
    }
    Ok(result.to_raw())
}
